package command

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

func addCoverage(group *kingpin.CmdClause, add adder) {
	c := group.Command("coverage", "Say how much of the GPUs' time the closed hours account for.")
	s := addScope(c, "Look at")
	by := oneOf(c.Flag("by", "A line for each hour, node or cluster. By node, the hours are read.").Default("cluster"), "hour", "node", "cluster")
	format := oneOf(c.Flag("format", "What to print: table (GPU-hours), csv or json (GPU-seconds, exact).").Default("table"), "table", "csv", "json")
	add(c, func(ctx context.Context, env *Env) error {
		g := coverageGrid(upkeep.By(*by))
		err := s.eachCluster(ctx, env, func(c *upkeep.Cluster, w window.Window) error {
			lines, err := c.Coverage(ctx, w, upkeep.By(*by))
			for _, key := range slices.Sorted(maps.Keys(lines)) {
				names := []string{c.Name()}
				if *by != string(upkeep.ByCluster) {
					names = append(names, key)
				}
				g.addCoverage(lines[key], names)
			}
			return err
		})
		switch {
		case len(g.rows) == 0 && err != nil: // nothing is known, which is not that there is nothing
			return err
		case len(g.rows) == 0 && *format == "table":
			fmt.Fprintln(env.Stdout, "No hour is closed.")
			return nil
		}
		if printErr := g.print(env.Stdout, *format); err == nil {
			err = printErr
		}
		return err
	})
}

// coverageGrid is a grid of coverages, without rows.
func coverageGrid(by upkeep.By) grid {
	names := []string{"cluster", string(by)}
	if by == upkeep.ByCluster {
		names = names[:1]
	}
	parts := []string{"expected", "allocated", "unallocated", "unattributed", "unavailable", "uncovered", "estimated", "residue", "absent"}
	g := grid{
		head:  slices.Concat(names, []string{"hours_closed", "hours_missing"}, parts, []string{"coverage_ratio"}),
		title: slices.Concat(names, []string{"hours closed", "missing"}, parts, []string{"coverage"}),
		texts: len(names),
		units: slices.Concat(make([]string, len(names)+2), slices.Repeat([]string{"gpu-hours"}, len(parts)), []string{""}),
	}
	return g
}

// addCoverage adds a line: GPU-seconds, exact, for programs, and GPU-hours for people.
func (g *grid) addCoverage(c *report.Coverage, names []string) {
	row := append(slices.Clone(names), strconv.Itoa(c.HoursClosed), strconv.Itoa(c.HoursAsked-c.HoursClosed))
	shown := slices.Clone(row)
	for _, millis := range []int64{
		c.Expected, c.Allocated, c.Unallocated, c.Unattributed, c.Unavailable, c.Uncovered, c.Estimated, c.Residue, c.Absent,
	} {
		row = append(row, decimal.New(millis, -3).StringFixed(3))
		shown = append(shown, report.Hours(millis, 2))
	}
	ratio, share := c.Ratio().String(), percent(c.Ratio())
	if c.Expected == 0 && c.HoursClosed > 0 { // nothing is no part of nothing
		ratio, share = "", "-"
	}
	g.rows = append(g.rows, append(row, ratio))
	g.shown = append(g.shown, append(shown, share))
}
