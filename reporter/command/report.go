package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// addReport adds the commands about reports. To make one is what report alone means.
func addReport(app *kingpin.Application, add adder) {
	group := app.Command("report", "Make a report, or look at those in the bucket. Report alone is report make, whose flags report make --help lists.")
	addReportMake(group, add)
	addReportList(group, add)
	addReportShow(group, add)
	addReportDownload(group, add)
}

func addReportMake(group *kingpin.CmdClause, add adder) {
	c := group.Command("make", "Make one report from closed hours, print it, and publish it into the bucket.").Default()
	f := &reportFlags{
		schedule:      c.Flag("schedule", "Make the report of this schedule of the configuration: its name, zone, grouping and, without --period, its last period.").String(),
		period:        c.Flag("period", "2026-11-20, 2026-W47, 2026-11, yesterday, today, last-week, last-month, this-month, 2026-11-20T05, or FROM/TO. Default: yesterday.").String(),
		zone:          c.Flag("time-zone", "Zone in which the period is meant, such as Europe/Berlin. Default: UTC.").String(),
		by:            c.Flag("by", "What to group by: project, department, node_pool, node, cluster, namespace, pod; several with commas; none for the whole fleet. Default: project.").String(),
		name:          c.Flag("name", "Name of the report in the bucket. Default: by-<what it groups by>, with the clusters if they are named.").String(),
		only:          c.Flag("cluster", "Report this cluster only; may be repeated. Default: those of the configuration and those that have closed hours.").Strings(),
		preview:       c.Flag("preview", "Include the hours that are not closed yet, as far as they are known; the report is provisional.").Bool(),
		dry:           c.Flag("dry-run", "Print the report and publish nothing.").Bool(),
		supersede:     c.Flag("supersede", "Publish also under the name of a schedule, whose report of the period this one then supersedes.").Bool(),
		publishFailed: c.Flag("publish-failed", "Publish the report also if it is Failed, and write --output.").Bool(),
		format:        oneOf(c.Flag("format", "What to print: table, csv, json or none. Default: table, or what the ending of --output says."), "table", "csv", "json", "none"),
		output:        c.Flag("output", "Write the report to this file instead, whole or not at all; - for standard output.").Short('o').String(),
	}
	add(c, f.run)
}

type reportFlags struct {
	schedule, period, zone, by, name, format, output *string
	only                                             *[]string
	preview, dry, supersede, publishFailed           *bool
}

// order is what is to be made, and as what it is published.
type order struct {
	spec report.Spec
	as   archive.Publication
}

// order turns the flags into what is to be made.
func (f *reportFlags) order(env *Env, p *Program) (order, error) {
	if *f.schedule != "" {
		return f.scheduled(env, p)
	}
	zone, err := window.Zone(cmp.Or(*f.zone, "UTC"))
	if err != nil {
		return order{}, misused("--time-zone: %w", err)
	}
	w, err := f.window(env, cmp.Or(*f.period, "yesterday"), zone)
	if err != nil {
		return order{}, err
	}
	by := cmp.Or(*f.by, string(report.ByProject))
	dims, err := groupBy(by)
	if err != nil {
		return order{}, err
	}
	name := *f.name
	if name == "" {
		name = strings.Join(append([]string{"by-" + strings.NewReplacer(",", "-", "_", "-", " ", "").Replace(by)}, *f.only...), "-")
	}
	o := order{report.Spec{Window: w, TimeZone: zone.String(), GroupBy: dims, Clusters: *f.only}, archive.Publication{Name: name, Period: window.Key(w, zone)}}
	if err := o.as.Check(); err != nil {
		return order{}, &UsageError{err}
	}
	if _, owned := p.schedule(name); owned && !*f.supersede && !*f.dry {
		return order{}, misused("the name %s belongs to a schedule: make its report with --schedule=%s, take another --name, or give --supersede to publish this one in place of the schedule's", name, name)
	}
	return o, nil
}

// noGroup is the grouping of --by that leaves the states only.
const noGroup = "none"

func groupBy(list string) ([]report.Dimension, error) {
	if list == noGroup {
		return nil, nil
	}
	dims, err := report.ParseGroupBy(list)
	if err != nil {
		return nil, misused("--by: %w", err)
	}
	return dims, nil
}

// window reads a period, which must have ended, or for a preview begun.
func (f *reportFlags) window(env *Env, period string, zone *time.Location) (window.Window, error) {
	w, err := window.Parse(period, env.Now(), zone)
	if err != nil {
		return w, misused("--period: %w", err)
	}
	if env.Now().Before(w.From) {
		return w, misused("--period: %s begins only at %s", period, w.From.In(zone).Format(time.RFC3339))
	}
	if !*f.preview && env.Now().Before(w.To) {
		return w, misused("--period: %s ends only at %s; use --preview for what is known so far", period, w.To.In(zone).Format(time.RFC3339))
	}
	return w, nil
}

func (f *reportFlags) run(ctx context.Context, env *Env) error {
	if *f.output == "-" { // as with download
		*f.output = ""
	}
	p, err := env.open(ctx)
	if err != nil {
		return err
	}
	o, err := f.order(env, p)
	if err != nil {
		return err
	}
	if err := p.areKnown(ctx, *f.only); err != nil {
		return err
	}
	make := p.Maker.Make
	if *f.preview {
		sampled, err := sampledIn(ctx, env, p, o.spec.Window)
		if err != nil {
			return err
		}
		make = p.Maker.Sampling(sampled).Preview
	}
	step, wipe := env.progress("reading")
	table, err := make(ctx, o.spec, func(h window.Window) { step(h.From.Format("2006-01-02 15:04")) })
	wipe()
	if err != nil {
		return err
	}
	if table.State() != report.Failed {
		return f.deliver(ctx, env, p, table, o.as)
	}
	if *f.publishFailed {
		err = f.deliver(ctx, env, p, table, o.as)
	} else {
		err = f.print(env.Stdout, env, table, o.as)
	}
	if err != nil {
		return err
	}
	reasons := slices.Clone(table.Failures)
	for _, gap := range table.Missing {
		reasons = append(reasons, gap.Hinted())
	}
	return fmt.Errorf("%w: %s", ErrReportFailed, strings.Join(append(reasons, f.withheld()...), "; "))
}

// withheld says what is not done with a Failed report.
func (f *reportFlags) withheld() []string {
	var what []string
	if !*f.dry {
		what = append(what, "nothing is published")
	}
	if *f.output != "" {
		what = append(what, *f.output+" is not written")
	}
	if *f.publishFailed || len(what) == 0 {
		return nil
	}
	return append(what, "--publish-failed does so all the same")
}

// deliver prints a report, or writes it to a file, and publishes it.
func (f *reportFlags) deliver(ctx context.Context, env *Env, p *Program, table report.Table, as archive.Publication) error {
	var err error
	if *f.output == "" {
		err = f.print(env.Stdout, env, table, as)
	} else {
		err = writeWhole(*f.output, func(w io.Writer) error { return f.print(w, env, table, as) })
	}
	if err != nil {
		return err
	}
	if *f.output != "" {
		fmt.Fprintf(env.Stdout, "Wrote %s: %d rows.\n", *f.output, table.Len())
	}
	if *f.dry {
		return nil
	}
	published, err := p.Archive.Publish(ctx, table, as)
	if err != nil {
		return err
	}
	where := "Published " + cmp.Or(published.CSVKey, published.ManifestKey)
	switch {
	case *f.output != "":
		fmt.Fprintln(env.Stdout, where)
	case f.formatOf() == "table":
		fmt.Fprintf(env.Stdout, "\n%s\n", where)
	}
	return nil
}

// formatOf is the format that the flags ask for.
func (f *reportFlags) formatOf() string {
	switch ending := filepath.Ext(*f.output); {
	case *f.format != "":
		return *f.format
	case ending == ".csv", ending == ".json":
		return ending[1:]
	}
	return "table"
}

func (f *reportFlags) print(w io.Writer, env *Env, table report.Table, as archive.Publication) error {
	var err error
	switch f.formatOf() {
	case "table":
		err = table.WriteText(w, as.Name+" "+as.Period)
	case "csv":
		err = table.WriteCSV(w)
	case "json":
		err = printReportJSON(w, table, as, env.Now())
	}
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// areKnown refuses names that are of no cluster of the configuration and of none
// that has closed hours.
func (p *Program) areKnown(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	all, err := p.allNames(ctx)
	if err != nil {
		return err
	}
	return checkNames(names, all)
}
