package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// hintOutdated says what to do with several outdated reports.
const hintOutdated = "Serve makes the reports of its schedules again within minutes, those of earlier months by the next night, if they ended within ledger.restate_within. " +
	"Make others again with gputally-reporter report --name=NAME --period=PERIOD and their --by and --time-zone, or with --schedule=NAME in place of all but the period."

// sayOutdated says which reports are outdated because hours changed, and what
// to do with them.
func sayOutdated(ctx context.Context, env *Env, p *Program, changed []window.Window) error {
	if len(changed) == 0 {
		return nil
	}
	names, err := p.Archive.Names(ctx)
	if err != nil {
		return err
	}
	some := false
	for _, name := range names {
		outdated, err := outdatedBy(ctx, p, name, changed)
		if err != nil {
			return err
		}
		switch n := len(outdated); {
		case n == 1:
			_, scheduled := p.schedule(name)
			fmt.Fprintln(env.Stdout, explain(outdated[0], changed, scheduled))
		case n > 1:
			fmt.Fprintf(env.Stdout, "Reports %s of %d periods, %s to %s, are outdated: hours changed after they were made.\n",
				name, n, outdated[0].Record.PeriodKey, outdated[n-1].Record.PeriodKey)
		}
		some = some || len(outdated) > 0
	}
	if some {
		fmt.Fprintln(env.Stdout, hintOutdated)
	}
	return nil
}

// outdatedBy are the current reports of a name that are outdated and overlap one
// of the hours, oldest first.
func outdatedBy(ctx context.Context, p *Program, name string, changed []window.Window) ([]archive.Outdated, error) {
	all := changed[0]
	for _, hour := range changed {
		all = all.Span(hour)
	}
	var compare []archive.Record
	for r, err := range p.Archive.List(ctx, archive.Query{Name: name, Window: all, Current: true, Final: true}) {
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(changed, r.Window().Overlaps) {
			compare = append(compare, r)
		}
	}
	slices.Reverse(compare)
	return p.Archive.Outdated(ctx, compare)
}

// explain says why a report is outdated, and how to make it again.
func explain(o archive.Outdated, changed []window.Window, scheduled bool) string {
	var reasons []string
	for _, r := range o.Reasons {
		if r == archive.HoursChanged {
			reasons = append(reasons, changedIn(o.Record, changed)+" changed after it was made")
		} else {
			reasons = append(reasons, r.String())
		}
	}
	return fmt.Sprintf("Report %s %s is outdated: %s. Make it again with %s", o.Record.Name, o.Record.PeriodKey, strings.Join(reasons, "; "), again(o, scheduled))
}

// changedIn names the hours that changed in a report's period.
func changedIn(r archive.Record, changed []window.Window) string {
	var inside []string
	for _, hour := range changed {
		if r.Window().Overlaps(hour) {
			inside = append(inside, hour.From.UTC().Format("2006-01-02T15Z"))
		}
	}
	slices.Sort(inside)
	switch inside = slices.Compact(inside); len(inside) {
	case 0:
		return "hours"
	case 1:
		return "hour " + inside[0]
	default:
		return fmt.Sprintf("%d hours, the first %s,", len(inside), inside[0])
	}
}

// again is the command that makes a report again. scheduled tells whether a schedule
// has its name.
func again(o archive.Outdated, scheduled bool) string {
	if scheduled {
		return "gputally-reporter report --schedule=" + o.Record.Name + " --period=" + periodOf(o.Record)
	}
	args := []string{"gputally-reporter report", "--name=" + o.Record.Name, "--period=" + periodOf(o.Record)}
	var by []string
	for _, d := range o.GroupBy {
		if d != report.ByPodUID { // comes with the pod
			by = append(by, string(d))
		}
	}
	args = append(args, "--by="+cmp.Or(strings.Join(by, ","), noGroup))
	if o.TimeZone != "" && o.TimeZone != "UTC" {
		args = append(args, "--time-zone="+o.TimeZone)
	}
	for _, cluster := range o.Clusters {
		args = append(args, "--cluster="+cluster)
	}
	return strings.Join(args, " ")
}

// periodOf is a report's period as --period reads it.
func periodOf(r archive.Record) string {
	if key, _, _ := strings.Cut(r.PeriodKey, "_"); !strings.HasSuffix(key, "Z") {
		return key
	}
	return r.From.Format(time.RFC3339Nano) + "/" + r.To.Format(time.RFC3339Nano)
}
