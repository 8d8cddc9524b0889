package reporter

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func addCoverage(group *kingpin.CmdClause) (string, command) {
	c := group.Command("coverage", "Say how much of the GPUs' time the closed hours account for, in GPU-seconds.")
	s := addScope(c, "Look at")
	by := c.Flag("by", "A line for each hour, node or cluster. By node, the hours are read.").Default("cluster").Enum("hour", "node", "cluster")
	format := c.Flag("format", "What to print: table or csv.").Default("table").Enum("table", "csv")
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		head := []string{"cluster", *by}
		if *by == "cluster" {
			head = head[:1]
		}
		rows := [][]string{append(head, "hours_closed", "hours_missing", "expected", "allocated", "unallocated",
			"unattributed", "unavailable", "uncovered", "estimated", "residue", "absent", "coverage_ratio")}
		err := s.eachCluster(ctx, env, func(c *cluster, w window.Window) error {
			lines, err := c.coverage(ctx, w, *by)
			for _, key := range slices.Sorted(maps.Keys(lines)) {
				names := []string{c.name}
				if *by != "cluster" {
					names = append(names, key)
				}
				rows = append(rows, coverageRow(lines[key], names...))
			}
			return err
		})
		if printErr := printRows(env.stdout, *format, rows); err == nil {
			err = printErr
		}
		return err
	}
}

// coverages are those of a cluster's hours or nodes, or of all of it, by name.
type coverages map[string]*report.Coverage

func (cs coverages) of(name string) *report.Coverage {
	if cs[name] == nil {
		cs[name] = &report.Coverage{}
	}
	return cs[name]
}

// coverage adds up what the closed hours account for. Hours between the first
// and the last closed one that are not closed are missing.
func (c *cluster) coverage(ctx context.Context, w window.Window, by string) (coverages, error) {
	closed, err := c.index.Hours(ctx, c.name, w)
	if err != nil || len(closed) == 0 {
		return nil, err
	}
	lines := coverages{}
	asked := int(closed[len(closed)-1].To.Sub(closed[0].From) / time.Hour)
	expect := closed[0].From
	for _, h := range closed {
		switch by {
		case "hour":
			for ; expect.Before(h.From); expect = expect.Add(time.Hour) {
				lines.of(hourName(expect)).HoursAsked = 1
			}
			expect = h.To
			lines[hourName(h.From)] = &report.Coverage{Coverage: h.Coverage.Usage(), HoursAsked: 1, HoursClosed: 1}
		case "node":
			if err := c.addNodes(ctx, h.Window(), lines); err != nil {
				return lines, err
			}
		default:
			lines.of("").Add(h.Coverage.Usage())
		}
	}
	if by != "hour" {
		for _, of := range lines {
			of.HoursAsked, of.HoursClosed = asked, len(closed)
		}
	}
	return lines, nil
}

func hourName(from time.Time) string { return from.UTC().Format(time.RFC3339) }

// addNodes reads an hour and adds its segments to their nodes. Of each GPU in it
// the whole hour is expected, less the time for which it was absent; what its
// segments miss of that is residue.
func (c *cluster) addNodes(ctx context.Context, hour window.Window, lines coverages) error {
	length, uuid := hour.Duration().Milliseconds(), ""
	return c.ledger.Segments(ctx, c.name, hour, func(segments []usage.Segment) error {
		for _, s := range segments {
			node := &lines.of(s.Node).Coverage
			if s.UUID != uuid { // segments are sorted by it
				uuid = s.UUID
				node.Expected += length
				node.Residue += length
			}
			of := s.Coverage()
			of.Expected, of.Residue = -of.Absent, -s.GPUMillis
			node.Add(of)
		}
		return nil
	})
}

// coverageRow is a line for people or machines: GPU-seconds, exact.
func coverageRow(c *report.Coverage, names ...string) []string {
	row := append(names, strconv.Itoa(c.HoursClosed), strconv.Itoa(c.HoursAsked-c.HoursClosed))
	for _, millis := range []int64{
		c.Expected, c.Allocated, c.Unallocated, c.Unattributed, c.Unavailable, c.Uncovered, c.Estimated, c.Residue, c.Absent,
	} {
		row = append(row, decimal.New(millis, -3).StringFixed(3))
	}
	return append(row, c.Ratio().String())
}

func printRows(w io.Writer, format string, rows [][]string) error {
	if format == "csv" {
		out := csv.NewWriter(w)
		if err := out.WriteAll(rows); err != nil {
			return fmt.Errorf("print the coverage: %w", err)
		}
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(out, strings.Join(row, "\t")); err != nil {
			return fmt.Errorf("print the coverage: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print the coverage: %w", err)
	}
	return nil
}
