package reporting

import (
	"context"
	"maps"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// closedHours are the hours of a window that are closed, by cluster and begin:
// the SHA-256 of the hour's object, as far as the index knows it.
type closedHours map[string]map[time.Time]string

// known is whether an hour is closed, and its SHA-256.
func (c closedHours) known(cluster string, hour window.Window) (sha256 string, closed bool) {
	sha256, closed = c[cluster][hour.From.UTC()]
	return sha256, closed
}

// closedHours asks the index, and the ledger where the index lacks hours: a crash
// may have kept an hour out of the index, or the index may be lost.
func (m *Maker) closedHours(ctx context.Context, clusters []string, w window.Window) (closedHours, error) {
	closed := closedHours{}
	for _, cluster := range clusters {
		hours := map[time.Time]string{}
		closed[cluster] = hours
		known, err := m.cfg.Index.Hours(ctx, cluster, w)
		if err != nil {
			return nil, err
		}
		for _, h := range known {
			hours[h.From.UTC()] = h.SHA256
		}
		for object, err := range m.cfg.Ledger.List(ctx, cluster, m.lacking(hours, w)) {
			if err != nil {
				return nil, err
			}
			if _, known := hours[object.Window.From.UTC()]; !known {
				hours[object.Window.From.UTC()] = ""
			}
		}
	}
	m.skip(closed)
	return closed, nil
}

// skip takes out the hours that are left out of reports.
func (m *Maker) skip(closed closedHours) {
	if m.cfg.Skip == nil {
		return
	}
	for cluster, hours := range closed {
		maps.DeleteFunc(hours, func(from time.Time, _ string) bool { return m.cfg.Skip(cluster, window.Hour(from)) })
	}
}

// lacking is the part of a window in which hours that have begun are missing from
// a set, or the empty window.
func (m *Maker) lacking(hours map[time.Time]string, w window.Window) window.Window {
	var gap window.Window
	now := m.cfg.Now()
	for hour := range w.Hours() {
		if _, closed := hours[hour.From.UTC()]; closed || !hour.From.Before(now) {
			continue
		}
		if gap.From.IsZero() {
			gap.From = hour.From
		}
		gap.To = hour.To
	}
	return gap
}
