package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/source/gputally"
)

// longestScrape is the longest scrape interval with which the edges of hours
// are still interpolated well within the time that is read beyond them.
const longestScrape = 2 * time.Minute

func addCheck(app *kingpin.Application, add adder) {
	c := app.Command("check", "Check the configuration; with --live also Prometheus and the bucket.")
	live := c.Flag("live", "Ask the servers: families found, scrape interval, retention, conditions of the bucket.").Bool()
	only := c.Flag("cluster", "Ask the servers of this cluster only; may be repeated.").Strings()
	add(c, func(ctx context.Context, env *Env) error {
		cfg, err := config.Load(env.Config)
		if err != nil {
			return err
		}
		names := make([]string, len(cfg.Clusters))
		for i, c := range cfg.Clusters {
			names[i] = c.Name
		}
		if err := checkNames(*only, names); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "ok    configuration %s: cluster %s, %d schedules\n", env.Config, strings.Join(names, ", "), len(cfg.Schedules))
		if !*live {
			return nil
		}
		k := &checks{env: env}
		for _, c := range cfg.Clusters {
			if len(*only) == 0 || slices.Contains(*only, c.Name) {
				k.prometheus(ctx, cfg, c)
			}
		}
		k.bucket(ctx, cfg)
		if err := ctx.Err(); err != nil {
			return err
		}
		if k.bad > 0 {
			return fmt.Errorf("%w: %d of the checks found something that would go wrong", ErrNotReady, k.bad)
		}
		return nil
	})
}

// checks prints findings and counts the bad ones.
type checks struct {
	env *Env
	bad int
}

func (k *checks) ok(format string, args ...any) {
	fmt.Fprintf(k.env.Stdout, "ok    "+format+"\n", args...)
}

func (k *checks) fail(format string, args ...any) {
	k.bad++
	fmt.Fprintf(k.env.Stdout, "BAD   "+format+"\n", args...)
}

// prometheus asks each server of a cluster, which is named where there are
// several.
func (k *checks) prometheus(ctx context.Context, cfg *config.Config, c config.Cluster) {
	who := "prometheus"
	if len(cfg.Clusters) > 1 {
		who = "cluster " + c.Name + ": prometheus"
	}
	clients, err := k.env.Opener.Servers(c)
	if err != nil {
		k.fail("%v", err)
		return
	}
	var latest time.Time // of the servers that have samples
	for i, client := range clients {
		if at := k.server(ctx, client, who, c.Prometheus.URLs[i].String()); at.After(latest) {
			latest = at
		}
	}
	if !latest.IsZero() {
		k.labels(ctx, cfg, c, who, latest)
	}
}

// labels looks whose labels scrapes give to series.
func (k *checks) labels(ctx context.Context, cfg *config.Config, c config.Cluster, who string, at time.Time) {
	source, err := k.env.Opener.Source(cfg, c)
	if err != nil {
		k.fail("%s: %v", who, err)
		return
	}
	wrong, err := source.CheckLabels(ctx, at)
	switch {
	case ctx.Err() != nil: // nothing was found out
	case err != nil:
		k.fail("%s: look at labels: %v", who, err)
	case len(wrong) == 0:
		k.ok("%s: labels are the exporters' own", who)
	}
	for _, text := range wrong {
		k.fail("%s: %s", who, text)
	}
}

// server asks one server, and returns its time if it has samples of all families.
func (k *checks) server(ctx context.Context, client *prom.Client, who, url string) (at time.Time) {
	status, err := client.Status(ctx, gputally.Families())
	if ctx.Err() != nil {
		return at // nothing was found out
	}
	if err != nil {
		k.fail("%s: %v", who, err)
		return at
	}
	k.ok("%s %s: version %s, retention %s", who, url, shown(status.Version), shown(status.Retention))
	if status.RoadErr != nil {
		k.fail("%s: no way to read raw samples: %v", who, status.RoadErr)
		return at
	}
	k.ok("%s: raw samples by %s", who, status.Road)
	if status.Balanced {
		k.fail("%s: %s", who, prom.Balancing)
	}
	if !k.families(who, status) {
		return at
	}
	switch s := status.ScrapeInterval; {
	case s == 0:
		k.fail("%s: the scrape interval is unknown: fewer than three samples in the last ten minutes", who)
	case s > longestScrape:
		k.fail("%s: collectors are scraped every %s; at most %s keeps the edges of hours exact", who, s, longestScrape)
	default:
		k.ok("%s: collectors are scraped every %s", who, s.Round(100*time.Millisecond))
	}
	return status.Time
}

func (k *checks) families(who string, status prom.Status) (found bool) {
	var missing []string
	for _, f := range status.Families {
		if f.Series == 0 {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		k.fail("%s: no samples in the last ten minutes of %s; is the collector scraped, and does prometheus.selector fit?", who, strings.Join(missing, ", "))
		return false
	}
	k.ok("%s: all %d families found", who, len(status.Families))
	return true
}

func (k *checks) bucket(ctx context.Context, cfg *config.Config) {
	if ctx.Err() != nil {
		return
	}
	b, err := k.env.Opener.Bucket(ctx, cfg)
	if err != nil {
		k.fail("bucket: %v", err)
		return
	}
	findings := bucket.Probe(ctx, b, "check/")
	if ctx.Err() != nil {
		return
	}
	for _, f := range findings {
		switch {
		case errors.Is(f.Err, bucket.ErrNotTried):
			fmt.Fprintf(k.env.Stdout, "-     bucket %s: %s: %v\n", cfg.Bucket.URL, f.Name, f.Err)
		case f.Err != nil:
			k.fail("bucket %s: %s: %v", cfg.Bucket.URL, f.Name, f.Err)
		default:
			k.ok("bucket %s: %s", cfg.Bucket.URL, f.Name)
		}
	}
}

// shown is text, or a word for none.
func shown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}
