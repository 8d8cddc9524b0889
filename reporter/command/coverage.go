package command

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

	"github.com/alecthomas/kingpin/v2"
	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

func addCoverage(group *kingpin.CmdClause, add adder) {
	c := group.Command("coverage", "Say how much of the GPUs' time the closed hours account for, in GPU-seconds.")
	s := addScope(c, "Look at")
	by := c.Flag("by", "A line for each hour, node or cluster. By node, the hours are read.").Default("cluster").Enum("hour", "node", "cluster")
	format := c.Flag("format", "What to print: table or csv.").Default("table").Enum("table", "csv")
	add(c, func(ctx context.Context, env *Env) error {
		head := []string{"cluster", *by}
		if *by == string(upkeep.ByCluster) {
			head = head[:1]
		}
		rows := [][]string{append(head, "hours_closed", "hours_missing", "expected", "allocated", "unallocated",
			"unattributed", "unavailable", "uncovered", "estimated", "residue", "absent", "coverage_ratio")}
		err := s.eachCluster(ctx, env, func(c *upkeep.Cluster, w window.Window) error {
			lines, err := c.Coverage(ctx, w, upkeep.By(*by))
			for _, key := range slices.Sorted(maps.Keys(lines)) {
				names := []string{c.Name()}
				if *by != string(upkeep.ByCluster) {
					names = append(names, key)
				}
				rows = append(rows, coverageRow(lines[key], names...))
			}
			return err
		})
		if printErr := printRows(env.Stdout, *format, rows); err == nil {
			err = printErr
		}
		return err
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
