package command

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

func addReportList(group *kingpin.CmdClause, add adder) {
	c := group.Command("list", "List the reports in the bucket, newest period first.")
	f := &listFlags{
		name:   c.Flag("name", "Those of this name only.").String(),
		from:   c.Flag("from", "Those whose period ends after this time ("+timeHelp+").").String(),
		to:     c.Flag("to", "Those whose period begins before this time, in the same forms.").String(),
		state:  oneOf(c.Flag("state", "Those in this state only: Ready or Failed."), string(report.Ready), string(report.Failed)),
		all:    c.Flag("all-revisions", "Also those that another revision of their period supersedes.").Bool(),
		limit:  c.Flag("limit", "At most so many.").Default("50").Int(),
		format: oneOf(c.Flag("format", "What to print: table, csv or json.").Default("table"), "table", "csv", "json"),
	}
	add(c, f.run)
}

type listFlags struct {
	name, from, to, state, format *string
	all                           *bool
	limit                         *int
}

// query turns the flags into what is listed.
func (f *listFlags) query(env *Env) (archive.Query, error) {
	q := archive.Query{Name: *f.name, State: report.State(*f.state), Current: !*f.all}
	if *f.limit < 1 {
		return q, misused("--limit: %d is less than 1", *f.limit)
	}
	if *f.from == "" && *f.to == "" {
		return q, nil
	}
	w := window.Window{From: noEarlier, To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	for flag, at := range map[string]struct {
		text string
		to   *time.Time
	}{"--from": {*f.from, &w.From}, "--to": {*f.to, &w.To}} {
		t, err := env.parseTime(flag, at.text)
		if err != nil {
			return q, err
		}
		if at.text != "" {
			*at.to = t
		}
	}
	if !w.From.Before(w.To) {
		return q, misused("--from %s is not before --to %s", *f.from, *f.to)
	}
	q.Window = w
	return q, nil
}

func (f *listFlags) run(ctx context.Context, env *Env) error {
	q, err := f.query(env)
	if err != nil {
		return err
	}
	p, err := env.open(ctx)
	if err != nil {
		return err
	}
	records, more := []archive.Record{}, false
	for r, err := range p.Archive.List(ctx, q) {
		if err != nil {
			return err
		}
		if more = len(records) == *f.limit; more {
			break
		}
		records = append(records, r)
	}
	if *f.format == "json" {
		return printJSON(env.Stdout, records)
	}
	if *f.format == "table" && len(records) == 0 {
		fmt.Fprintln(env.Stdout, "No report.")
		return nil
	}
	if err := listing(records).print(env.Stdout, *f.format); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(env.Stderr, "There are more than %d; --limit says how many are listed.\n", *f.limit)
	}
	return nil
}

func listing(records []archive.Record) grid {
	g := grid{
		head:  []string{"name", "period", "state", "provisional", "from", "to", "created_at", "id", "revision", "rows", "hours_closed", "hours_asked", "coverage_ratio"},
		title: []string{"name", "period", "state", "made", "id", "revision", "rows", "hours", "coverage"},
		texts: 5,
	}
	for _, r := range records {
		g.rows = append(g.rows, []string{
			r.Name, r.PeriodKey, string(r.State), strconv.FormatBool(r.Provisional), r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), r.CreatedAt, r.ID,
			strconv.Itoa(r.Revision), strconv.Itoa(r.Rows), strconv.Itoa(r.HoursClosed), strconv.Itoa(r.HoursAsked), r.CoverageRatio.String(),
		})
		g.shown = append(g.shown, []string{
			r.Name, r.PeriodKey, stateOf(r.State, r.Provisional), orDash(r.CreatedAt), r.ID, strconv.Itoa(r.Revision), strconv.Itoa(r.Rows),
			fmt.Sprintf("%d of %d", r.HoursClosed, r.HoursAsked), percent(r.CoverageRatio),
		})
	}
	return g
}

// stateOf is the state of a report for people, who must not take a provisional one
// for the last word.
func stateOf(state report.State, provisional bool) string {
	if provisional {
		return string(state) + ", provisional"
	}
	return string(state)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// percent is a ratio for people, rounded down so that 100 % is whole.
func percent(r report.Ratio) string {
	return fmt.Sprintf("%d.%04d%%", int64(r)/10_000, int64(r)%10_000)
}
