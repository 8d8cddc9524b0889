package reporting

import (
	"context"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// closedHours are the hours of a window that are closed, by cluster and begin.
type closedHours map[string]map[time.Time]bool

func (c closedHours) has(cluster string, hour window.Window) bool { return c[cluster][hour.From.UTC()] }

// closedHours asks the index, and the ledger where the index lacks hours: a crash
// may have kept an hour out of the index, or the index may be lost.
func (m *Maker) closedHours(ctx context.Context, clusters []string, w window.Window) (closedHours, error) {
	closed := closedHours{}
	for _, cluster := range clusters {
		hours := map[time.Time]bool{}
		closed[cluster] = hours
		known, err := m.cfg.Index.Hours(ctx, cluster, w)
		if err != nil {
			return nil, err
		}
		for _, h := range known {
			hours[h.From.UTC()] = true
		}
		for object, err := range m.cfg.Ledger.List(ctx, cluster, m.lacking(hours, w)) {
			if err != nil {
				return nil, err
			}
			hours[object.Window.From.UTC()] = true
		}
	}
	return closed, nil
}

// lacking is the part of a window in which hours that have begun are missing from
// a set, or the empty window.
func (m *Maker) lacking(hours map[time.Time]bool, w window.Window) window.Window {
	var gap window.Window
	now := m.cfg.Now()
	for hour := range w.Hours() {
		if hours[hour.From.UTC()] || !hour.From.Before(now) {
			continue
		}
		if gap.From.IsZero() {
			gap.From = hour.From
		}
		gap.To = hour.To
	}
	return gap
}
