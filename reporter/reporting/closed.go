package reporting

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
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

// clusters are those that were asked for, sorted.
func (c closedHours) clusters() []string { return slices.Sorted(maps.Keys(c)) }

// equal tells whether both have the same hours up to a time. An hour whose SHA-256
// the index does not know is the same as any.
func (c closedHours) equal(other closedHours, until time.Time) bool {
	return slices.Equal(c.clusters(), other.clusters()) && c.has(other, until) && other.has(c, until)
}

// has tells whether all hours of others up to a time are among these.
func (c closedHours) has(others closedHours, until time.Time) bool {
	for cluster, hours := range others {
		for from, sum := range hours {
			own, closed := c[cluster][from]
			if from.Before(until) && (!closed || own != sum && own != "" && sum != "") {
				return false
			}
		}
	}
	return true
}

// lost tells whether the object of a closed hour can't be read although the bucket
// can: it is damaged, of a later version, or gone.
func (c closedHours) lost(r *reading) bool {
	if errors.Is(r.openErr, ledger.ErrHourMissing) {
		_, closed := c.known(r.cluster, r.hour)
		return closed
	}
	return errors.As(r.openErr, new(*ledger.CorruptError)) || errors.As(r.openErr, new(*ledger.SchemaError))
}

// closedHours asks the index, and the ledger where the index lacks hours: a crash
// may have kept an hour out of the index, or the index may be lost. With a tolerance
// for hours, an index that is damaged is as good as lost.
func (m *Maker) closedHours(ctx context.Context, clusters []string, w window.Window) (closedHours, error) {
	closed := closedHours{}
	for _, cluster := range clusters {
		hours := map[time.Time]string{}
		closed[cluster] = hours
		known, err := m.cfg.Index.Hours(ctx, cluster, w)
		if m.cfg.Hour != nil && errors.As(err, new(*index.RecordError)) {
			err = nil
		}
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
