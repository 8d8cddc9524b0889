package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

func addReport(app *kingpin.Application, add adder) {
	c := app.Command("report", "Make one report from closed hours, print it, and publish it into the bucket.")
	f := &reportFlags{
		period:  c.Flag("period", "2026-11-20, 2026-W47, 2026-11, yesterday, today, last-week, last-month, this-month, 2026-11-20T05, or FROM/TO.").Default("yesterday").String(),
		zone:    c.Flag("time-zone", "Zone in which the period is meant, such as Europe/Berlin.").Default("UTC").String(),
		by:      c.Flag("by", "What to group by: project, department, node_pool, node, cluster, namespace, pod; several with commas.").Default("project").String(),
		name:    c.Flag("name", "Name of the report in the bucket. Default: by-<what it groups by>, with the clusters if they are named.").String(),
		only:    c.Flag("cluster", "Report this cluster only; may be repeated. Default: those of the configuration and those that have closed hours.").Strings(),
		preview: c.Flag("preview", "Include the hours that are not closed yet, as far as they are known; the report is provisional.").Bool(),
		dry:     c.Flag("dry-run", "Print the report and publish nothing.").Bool(),
		format:  c.Flag("format", "What to print: table, csv or none.").Default("table").Enum("table", "csv", "none"),
	}
	add(c, f.run)
}

type reportFlags struct {
	period, zone, by, name, format *string
	only                           *[]string
	preview, dry                   *bool
}

// spec turns the flags into what the report is about and as what it is published.
func (f *reportFlags) spec(env *Env) (report.Spec, archive.Publication, error) {
	zone, err := window.Zone(*f.zone)
	if err != nil {
		return report.Spec{}, archive.Publication{}, misused("--time-zone: %w", err)
	}
	w, err := window.Parse(*f.period, env.Now(), zone)
	if err != nil {
		return report.Spec{}, archive.Publication{}, misused("--period: %w", err)
	}
	if !*f.preview && env.Now().Before(w.To) {
		return report.Spec{}, archive.Publication{}, misused("--period: %s ends only at %s; use --preview for what is known so far",
			*f.period, w.To.In(zone).Format(time.RFC3339))
	}
	by, err := report.ParseGroupBy(*f.by)
	if err != nil {
		return report.Spec{}, archive.Publication{}, misused("--by: %w", err)
	}
	name := *f.name
	if name == "" {
		name = strings.Join(append([]string{"by-" + strings.NewReplacer(",", "-", "_", "-", " ", "").Replace(*f.by)}, *f.only...), "-")
	}
	as := archive.Publication{Name: name, Period: window.Key(w, zone)}
	if err := as.Check(); err != nil {
		return report.Spec{}, as, &UsageError{err}
	}
	return report.Spec{Window: w, TimeZone: zone.String(), GroupBy: by, Clusters: *f.only}, as, nil
}

func (f *reportFlags) run(ctx context.Context, env *Env) error {
	spec, as, err := f.spec(env)
	if err != nil {
		return err
	}
	p, err := env.open(ctx)
	if err != nil {
		return err
	}
	if err := p.areKnown(ctx, *f.only); err != nil {
		return err
	}
	make := p.Maker.Make
	if *f.preview {
		make = p.Maker.Preview
	}
	step, wipe := env.progress("reading")
	table, err := make(ctx, spec, func(h window.Window) { step(h.From.Format("2006-01-02 15:04")) })
	wipe()
	if err != nil {
		return err
	}
	switch *f.format {
	case "table":
		err = table.WriteText(env.Stdout, as.Name+" "+as.Period)
	case "csv":
		err = table.WriteCSV(env.Stdout)
	}
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if !*f.dry {
		published, err := p.Archive.Publish(ctx, table, as)
		if err != nil {
			return err
		}
		if *f.format == "table" {
			fmt.Fprintf(env.Stdout, "\nPublished %s\n", cmp.Or(published.CSVKey, published.ManifestKey))
		}
	}
	if table.State() == report.Failed {
		reasons := slices.Clone(table.Failures)
		for _, gap := range table.Missing {
			reasons = append(reasons, gap.Hinted())
		}
		return fmt.Errorf("%w: %s", ErrReportFailed, strings.Join(reasons, "; "))
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
