package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// choice says which published report is meant.
type choice struct {
	name, period *string
	revision     *int
}

func addChoice(c *kingpin.CmdClause) choice {
	return choice{
		name:     c.Arg("name", "Name of the report, as report list has it.").Required().String(),
		period:   c.Arg("period", "Its period, as report list has it or in a form of report --period. Default: the newest.").String(),
		revision: c.Flag("revision", "Revision of the period. Default: the latest.").Int(),
	}
}

// find returns the report that is meant. Errors: archive.ErrNotFound.
func (c choice) find(ctx context.Context, env *Env, p *Program) (archive.Record, error) {
	for _, key := range c.keys(env, p) {
		for r, err := range p.Archive.List(ctx, archive.Query{Name: *c.name, Period: key, Current: *c.revision == 0}) {
			if err != nil {
				return r, err
			}
			if *c.revision == 0 || r.Revision == *c.revision {
				return r, nil
			}
		}
	}
	what := "report " + strings.TrimSpace(*c.name+" "+*c.period)
	if *c.revision != 0 {
		what += fmt.Sprintf(", revision %d", *c.revision)
	}
	return archive.Record{}, fmt.Errorf("%s: %w; gputally-reporter report list says which there are", what, archive.ErrNotFound)
}

// keys are those of the period that may be meant: as it is written, and as it is
// read in the zone of the schedule, or in UTC.
func (c choice) keys(env *Env, p *Program) []string {
	keys := []string{*c.period}
	zones := []string{"UTC"}
	if s, ok := p.schedule(*c.name); ok {
		zones = append([]string{s.Zone.String()}, zones...)
	}
	for _, name := range zones {
		zone, err := window.Zone(name)
		if err != nil {
			continue
		}
		if w, err := window.Parse(*c.period, env.Now(), zone); err == nil {
			keys = append(keys, window.Key(w, zone))
		}
	}
	return keys
}

func addReportShow(group *kingpin.CmdClause, add adder) {
	c := group.Command("show", "Say what is known of one report: its coverage, totals, findings and file. JSON is its manifest.")
	which := addChoice(c)
	format := oneOf(c.Flag("format", "What to print: table or json.").Default("table"), "table", "json")
	add(c, func(ctx context.Context, env *Env) error {
		p, err := env.open(ctx)
		if err != nil {
			return err
		}
		r, err := which.find(ctx, env, p)
		if err != nil {
			return err
		}
		m, err := p.Archive.Manifest(ctx, r)
		if err != nil {
			return err
		}
		if *format == "json" {
			data, err := m.Encode()
			if err != nil {
				return err
			}
			if _, err := env.Stdout.Write(data); err != nil {
				return fmt.Errorf("print the manifest: %w", err)
			}
			return nil
		}
		return showManifest(env.Stdout, r, m)
	})
}

// showManifest writes a manifest for people.
func showManifest(w io.Writer, r archive.Record, m report.Manifest) error {
	g := grid{texts: 2}
	line := func(what, text string) {
		if text != "" {
			g.rows = append(g.rows, []string{what, text})
		}
	}
	line("report", r.Name+" "+r.PeriodKey)
	line("state", stateOf(m.State, m.Provisional))
	line("revision", fmt.Sprintf("%d, id %s", r.Revision, m.ID))
	line("supersedes", m.Supersedes)
	line("period", fmt.Sprintf("%s to %s, %s", m.Period.From, m.Period.To, m.Period.TimeZone))
	line("made", m.CreatedAt)
	var by []string
	for _, d := range m.GroupBy {
		by = append(by, string(d))
	}
	line("grouped by", cmp.Or(strings.Join(by, ", "), noGroup))
	line("clusters", strings.Join(m.Clusters, ", "))
	line("coverage", fmt.Sprintf("%s, %d of %d hours closed", percent(m.Coverage.Ratio), m.Coverage.HoursClosed, m.Coverage.HoursAsked))
	line("total", m.Totals.GPUSeconds+" GPU-seconds")
	line("allocated", m.Totals.AllocatedGPUSeconds+" GPU-seconds")
	if m.Totals.Cost != "" {
		line("cost", m.Totals.Cost+" "+m.Currency)
	}
	for _, f := range m.Files {
		line("file", fmt.Sprintf("%s%s, %d rows, %d bytes", r.KeyPrefix, f.Name, f.Rows, f.Size))
	}
	for _, text := range m.Failures {
		line("failed", text)
	}
	for _, gap := range m.Missing {
		line("missing", gap.Hinted())
	}
	for _, text := range m.Warnings {
		line("warning", text)
	}
	for _, f := range m.Findings {
		line("finding", f.String())
	}
	return g.print(w, "table")
}

func addReportDownload(group *kingpin.CmdClause, add adder) {
	c := group.Command("download", "Write the CSV file of one report to a file, whole and with the checksum of its manifest, or not at all.")
	which := addChoice(c)
	output := c.Flag("output", "File to write; - for standard output, where damage shows only at the end. Default: NAME_PERIOD.csv in this folder.").Short('o').String()
	add(c, func(ctx context.Context, env *Env) error {
		p, err := env.open(ctx)
		if err != nil {
			return err
		}
		r, err := which.find(ctx, env, p)
		if err != nil {
			return err
		}
		if *output == "-" {
			return download(ctx, p, r, env.Stdout)
		}
		name := cmp.Or(*output, r.Name+"_"+r.PeriodKey+".csv")
		if err := writeWhole(name, func(w io.Writer) error { return download(ctx, p, r, w) }); err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "Wrote %s: revision %d, %s, %d rows.\n", name, r.Revision, stateOf(r.State, r.Provisional), r.Rows)
		return nil
	})
}

// download copies a report's CSV file. Errors: archive.ErrNotFound if it has none,
// *archive.DamageError.
func download(ctx context.Context, p *Program, r archive.Record, to io.Writer) error {
	body, _, err := p.Archive.Open(ctx, r, "report.csv")
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(to, body); err != nil {
		return fmt.Errorf("download report %s %s: %w", r.Name, r.PeriodKey, err)
	}
	return nil
}
