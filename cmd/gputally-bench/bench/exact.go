package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// inexact is the exit code with which gputally-replay says that it missed its mark.
const inexact = 5

// exact replays a trace, and containers that come and go, at several intervals
// of scraping, with lost scrapes and restarts, and prints how far the books are
// from the truth.
func (r *run) exact(ctx context.Context) error {
	type replay struct {
		name string
		args []string
	}
	var replays []replay
	if r.pods != "" {
		replays = append(replays, replay{
			"trace, days " + r.span,
			[]string{"--pods=" + r.pods, "--nodes=" + r.nodes, "--days=" + r.span, "--max-nodes=12"},
		})
	}
	if r.churn > 0 {
		replays = append(replays, replay{
			fmt.Sprintf("%.0f pods a day on %d GPUs, %d days", r.churn, r.churnGPUs, r.churnDays),
			[]string{
				"--generate", fmt.Sprintf("--churn=%g", r.churn), fmt.Sprintf("--max-nodes=%d", r.churnGPUs/8),
				fmt.Sprintf("--days=2-%d", 2+r.churnDays),
			},
		})
	}
	for _, p := range replays {
		fmt.Fprintf(r.stdout, "\n%-50s %14s %14s %14s %18s\n", "Exact: "+p.name, "total off by", "sum of errors", "largest error", "of 2 s and more")
		for _, scrape := range []string{"15s", "30s", "60s"} {
			if err := r.replay(ctx, scrape, p.args); err != nil {
				return err
			}
		}
	}
	return nil
}

// replay runs one replay and prints a line of what it found.
func (r *run) replay(ctx context.Context, scrape string, args []string) error {
	r.progress("replaying with a scrape every %s", scrape)
	var out strings.Builder
	args = append([]string{"--scrape=" + scrape}, args...)
	_, err := r.process(ctx, &out, r.binary("gputally-replay"), append(args, "accuracy", "--shortest=2s")...)
	exit := (*exec.ExitError)(nil)
	if missed := errors.As(err, &exit) && exit.ExitCode() == inexact; err != nil && !missed {
		return err
	}
	figures := map[string]string{}
	for _, name := range []string{"total off by", "sum of errors per pod and hour", "largest error of a pod and hour", "pods of 2s or longer missing", "pods"} {
		found := regexp.MustCompile(`(?m)^` + name + `  +(\S+)`).FindStringSubmatch(out.String())
		if found == nil {
			return fmt.Errorf("gputally-replay does not say %q:\n%s", name, out.String())
		}
		figures[name] = strings.TrimSuffix(found[1], ",")
	}
	r.progress("")
	fmt.Fprintf(r.stdout, "  %-48s %12s %% %12s %% %12s s  %s of %s are missing\n", "scraped every "+scrape, figures["total off by"],
		figures["sum of errors per pod and hour"], figures["largest error of a pod and hour"], figures["pods of 2s or longer missing"], figures["pods"])
	return nil
}
