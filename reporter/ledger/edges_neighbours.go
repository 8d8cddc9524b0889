package ledger

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Edges are what a closed hour has stored at its begin and at its end. The tables
// are nil if it was closed without edges, or they were pruned. Errors:
// *MissingError, *CorruptError, *EdgesError, *SchemaError, the bucket's.
func (s *Session) Edges(ctx context.Context, cluster string, hour window.Window) (opening, closing *usage.EdgeTable, err error) {
	h, err := s.head(ctx, cluster, hour, 0)
	if err != nil {
		return nil, nil, err
	}
	if opening, err = s.table(ctx, h, hour.From, h.footer.Opening); err != nil {
		return nil, nil, err
	}
	closing, err = s.table(ctx, h, hour.To, h.footer.Closing)
	return opening, closing, err
}

// Neighbours are the edges that an hour shares with the previous and the next
// hour, as far as these are closed and have stored edges. The hour must take them
// as they are, so that nothing between two hours is lost or counted twice.
// Errors: as Edges, but for *MissingError.
func (s *Session) Neighbours(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error) {
	n, err := s.Before(ctx, cluster, hour)
	if err != nil {
		return usage.Neighbours{}, err
	}
	n.After, err = s.NextOpening(ctx, cluster, hour)
	return n, err
}

// PreviousClosing are the edges that an hour shares with the previous one, as that
// has stored them; nil as the tables of Edges are, or if it is not closed. Errors:
// as Neighbours.
func (s *Session) PreviousClosing(ctx context.Context, cluster string, hour window.Window) (*usage.EdgeTable, error) {
	previous, err := s.neighbour(ctx, cluster, window.Hour(hour.From.Add(-1)), 0)
	if err != nil || previous == nil {
		return nil, err
	}
	if s.holds(previous) { // its GPUs may be asked for later, without its rows
		if _, err := s.roster(ctx, previous); err != nil {
			return nil, err
		}
	}
	return s.table(ctx, previous, hour.From, previous.footer.Closing)
}

// NextOpening is PreviousClosing of the next hour.
func (s *Session) NextOpening(ctx context.Context, cluster string, hour window.Window) (*usage.EdgeTable, error) {
	next, err := s.neighbour(ctx, cluster, window.Hour(hour.To), 0)
	if err != nil || next == nil {
		return nil, err
	}
	return s.table(ctx, next, hour.To, next.footer.Opening)
}

// Before is Neighbours without the next hour.
func (s *Session) Before(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error) {
	return s.previous(ctx, cluster, hour, func(previous *head) (n usage.Neighbours, err error) {
		n.Before, err = s.table(ctx, previous, hour.From, previous.footer.Closing)
		return n, err
	})
}

// Carried is Before for an hour whose opening edge is to be taken from the
// samples again: what the previous hour has stored counts only for series that
// have no sample near the edge. If the previous hour's edges were pruned, there
// is nothing to carry.
func (s *Session) Carried(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error) {
	return s.previous(ctx, cluster, hour, func(previous *head) (n usage.Neighbours, err error) {
		n.Carried, err = s.table(ctx, previous, hour.From, previous.footer.Closing)
		if errors.Is(err, bucket.ErrNotFound) {
			return usage.Neighbours{}, nil
		}
		return n, err
	})
}

// previous gives what an hour takes over from the previous one: its edges as the
// function says, the stream of them, and the GPUs with which it ended.
func (s *Session) previous(ctx context.Context, cluster string, hour window.Window, edges func(*head) (usage.Neighbours, error)) (usage.Neighbours, error) {
	h, err := s.neighbour(ctx, cluster, window.Hour(hour.From.Add(-1)), 0)
	if err != nil || h == nil {
		return usage.Neighbours{}, err
	}
	n, err := edges(h)
	if err != nil {
		return usage.Neighbours{}, err
	}
	if h.footer.Closing != "" && (n.Before != nil || n.Carried != nil) {
		f, err := s.openEdges(ctx, cluster, hour.From, h.footer.Closing)
		if err != nil {
			return usage.Neighbours{}, err
		}
		n.Carry = f.stream()
	}
	n.Devices, err = s.roster(ctx, h)
	return n, err
}

// Disagree returns the previous and the next hour, oldest first, as far as they
// are closed and share an edge with a closed hour that is not the hour's own:
// after the hour was restated, they must be restated too, with the hour's edge
// given. Edges that one of the two has not stored at all, or that were pruned,
// can't disagree. If the Session has changed an edge of the hour, it looks at the
// neighbour on that side as it is after that: whichever of two processes writes
// later sees what the other wrote. Errors: as Edges.
func (s *Session) Disagree(ctx context.Context, cluster string, hour window.Window) ([]window.Window, error) {
	h, err := s.head(ctx, cluster, hour, 0)
	if err != nil {
		return nil, err
	}
	changed := s.hours[Key(cluster, hour)]
	previous, err := s.neighbour(ctx, cluster, window.Hour(hour.From.Add(-1)), changed.opening)
	if err != nil {
		return nil, err
	}
	next, err := s.neighbour(ctx, cluster, window.Hour(hour.To), changed.closing)
	if err != nil {
		return nil, err
	}
	var disagree []window.Window
	for _, pair := range []struct{ other, earlier, later *head }{{previous, previous, h}, {next, h, next}} {
		if pair.other == nil {
			continue
		}
		differ, err := s.differ(ctx, pair.earlier, pair.later, time.Time{})
		if err != nil {
			return nil, err
		}
		if differ {
			disagree = append(disagree, pair.other.footer.Window)
		}
	}
	return disagree, nil
}

// differ tells whether two hours, one after the other, stored different edges at
// the instant between them. An edge that only the earlier hour stored is of a
// series that the later one did not see, and so counted nothing of. An edge that
// only the later hour stored stands for what the earlier one should have counted,
// unless its epoch began before since.
func (s *Session) differ(ctx context.Context, earlier, later *head, since time.Time) (bool, error) {
	if later.footer.Opening == "" || later.footer.Opening == earlier.footer.Closing || !earlier.footer.knowsEdges() {
		return false, nil
	}
	at := later.footer.Window.From
	stored, err := s.table(ctx, earlier, at, earlier.footer.Closing)
	if err != nil || stored == nil {
		return false, err
	}
	f, err := s.openEdges(ctx, later.footer.Cluster, at, later.footer.Opening)
	if s.ledger.edges.wasPruned(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	differ := false
	err = f.yield(func(all []usage.Edge) error {
		for _, e := range all {
			total, ok := stored.Find(e.UUID, e.Pod, e.Container, e.Start)
			differ = differ || total != e.Total && (ok || e.Start >= since.UnixMilli())
		}
		return nil
	})
	return differ, err
}

// openEdges opens the edges of an instant by their digest. The object is read
// only if it is not the one that is remembered. Errors: as edges.open.
func (s *Session) openEdges(ctx context.Context, cluster string, at time.Time, name string) (*edgesFile, error) {
	key := edgesKey(cluster, at, name)
	f, known := s.ledger.edges.cache.get(key).(*edgesFile)
	_, seen := s.edges[key]
	if known && !seen {
		object, err := s.ledger.edges.stat(ctx, key)
		if errors.Is(err, bucket.ErrNotFound) {
			s.ledger.edges.cache.drop(key)
			return nil, &EdgesError{key, cluster, at, bucket.ErrNotFound}
		}
		if err != nil {
			return nil, err
		}
		if known = object.ETag == f.object.ETag; known {
			s.edges[key] = object
		}
	}
	if known {
		return f, nil
	}
	f, err := s.ledger.edges.open(ctx, cluster, at, name)
	if err == nil {
		s.edges[key] = f.object
	}
	return f, err
}

// table loads the edges that an hour has stored at an instant, by their digest.
// An hour that has stored edges, but none there, gives a table without any; one
// that was closed without edges, or whose edges were pruned, gives nil. Errors:
// as openEdges.
func (s *Session) table(ctx context.Context, hour *head, at time.Time, name string) (*usage.EdgeTable, error) {
	if !hour.footer.knowsEdges() {
		return nil, nil
	}
	t := usage.NewEdgeTable()
	if name == "" {
		return t, nil
	}
	f, err := s.openEdges(ctx, hour.footer.Cluster, at, name)
	if s.ledger.edges.wasPruned(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = f.yield(func(all []usage.Edge) error {
		for _, e := range all {
			t.Add(e)
		}
		return nil
	})
	return t, err
}

// stream yields the edges in their order. Errors: *EdgesError.
func (f *edgesFile) stream() iter.Seq2[usage.Edge, error] {
	return func(yield func(usage.Edge, error) bool) {
		err := f.yield(func(all []usage.Edge) error {
			for _, e := range all {
				if !yield(e, nil) {
					return errEnough
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(usage.Edge{}, err)
		}
	}
}

// errEnough ends a reading early.
var errEnough = errors.New("no more is wanted")
