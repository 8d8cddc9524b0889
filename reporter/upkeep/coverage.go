package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// By is what coverage is added up by.
type By string

// Coverage is added up by hour or node, or for the whole cluster. By node, all
// hours are read; otherwise the index is enough.
const (
	ByHour    By = "hour"
	ByNode    By = "node"
	ByCluster By = "cluster"
)

// Coverage adds up how much of the GPUs' time the closed hours of a window
// account for. The result is keyed by the hour's begin (RFC 3339), by the node,
// or by "" for the cluster; it is empty if no hour is closed. Hours between the
// first and the last closed one that are not closed are missing. Errors: the
// index's, the ledger's.
func (c *Cluster) Coverage(ctx context.Context, w window.Window, by By) (map[string]*report.Coverage, error) {
	closed, err := c.cfg.Index.Hours(ctx, c.cfg.Name, w)
	if err != nil || len(closed) == 0 {
		return nil, err
	}
	if by == ByHour {
		return hourly(closed), nil
	}
	lines := coverages{}
	for _, h := range closed {
		if by == ByCluster {
			lines.of("").Add(h.Coverage.Usage())
			continue
		}
		if err := c.addNodes(ctx, h.Window(), lines); err != nil {
			return nil, fmt.Errorf("read the nodes of hour %s: %w", h.Window(), err)
		}
	}
	asked := int(closed[len(closed)-1].To.Sub(closed[0].From) / time.Hour)
	for _, of := range lines {
		of.HoursAsked, of.HoursClosed = asked, len(closed)
	}
	return lines, nil
}

// coverages are those of a cluster's hours or nodes, or of all of it, by name.
type coverages map[string]*report.Coverage

func (cs coverages) of(name string) *report.Coverage {
	if cs[name] == nil {
		cs[name] = &report.Coverage{}
	}
	return cs[name]
}

// hourly is the coverage of each closed hour and of each hole between them.
func hourly(closed []index.HourRecord) coverages {
	lines := coverages{}
	expect := closed[0].From
	for _, h := range closed {
		for ; expect.Before(h.From); expect = expect.Add(time.Hour) {
			lines.of(hourName(expect)).HoursAsked = 1
		}
		expect = h.To
		lines[hourName(h.From)] = &report.Coverage{Coverage: h.Coverage.Usage(), HoursAsked: 1, HoursClosed: 1}
	}
	return lines
}

func hourName(from time.Time) string { return from.UTC().Format(time.RFC3339) }

// addNodes reads an hour and adds its segments to their nodes. Of each GPU in it
// the whole hour is expected, less the time for which it was absent; what its
// segments miss of that is residue.
func (c *Cluster) addNodes(ctx context.Context, hour window.Window, lines coverages) error {
	length, uuid := hour.Duration().Milliseconds(), ""
	return c.cfg.Ledger.Segments(ctx, c.cfg.Name, hour, func(segments []usage.Segment) error {
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
