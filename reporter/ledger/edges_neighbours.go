package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Edges are what a closed hour has booked at its begin and at its end. The
// tables are nil if it was closed without edges, or they were pruned. Errors: *MissingError, *CorruptError,
// *EdgesError, *SchemaError, the bucket's.
func (l *Ledger) Edges(ctx context.Context, cluster string, hour window.Window) (opening, closing *usage.EdgeTable, err error) {
	f, err := l.openHour(ctx, cluster, hour)
	if err != nil {
		return nil, nil, err
	}
	if opening, err = l.table(ctx, hour.From, f.footer, f.footer.Opening); err != nil {
		return nil, nil, err
	}
	closing, err = l.table(ctx, hour.To, f.footer, f.footer.Closing)
	return opening, closing, err
}

// Neighbours are the edges that an hour has in common with those beside it, as
// far as these are closed and have booked edges: what the hour must take as they
// are so that nothing between two hours is lost or counted twice. Errors: as
// Edges, but for *MissingError.
func (l *Ledger) Neighbours(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error) {
	n, err := l.Before(ctx, cluster, hour)
	if err != nil {
		return usage.Neighbours{}, err
	}
	after, err := l.footerOf(ctx, cluster, window.Hour(hour.To))
	if err != nil {
		return usage.Neighbours{}, err
	}
	n.After, err = l.table(ctx, hour.To, after, after.Opening)
	return n, err
}

// Before is Neighbours without the hour after.
func (l *Ledger) Before(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error) {
	return l.behind(ctx, cluster, hour, func(f footer) (n usage.Neighbours, err error) {
		n.Before, err = l.table(ctx, hour.From, f, f.Closing)
		return n, err
	})
}

// Carried is Before for an hour whose edge is to be taken from the samples anew:
// what the hour before has booked counts only where no sample near the edge tells
// of it. It has none if they were pruned.
func (l *Ledger) Carried(ctx context.Context, cluster string, hour window.Window) (usage.Neighbours, error) {
	return l.behind(ctx, cluster, hour, func(f footer) (n usage.Neighbours, err error) {
		n.Carried, err = l.table(ctx, hour.From, f, f.Closing)
		if errors.Is(err, bucket.ErrNotFound) {
			return usage.Neighbours{}, nil
		}
		return n, err
	})
}

// behind adds to what is to be known of the hour before its GPUs and all of its
// edges.
func (l *Ledger) behind(ctx context.Context, cluster string, hour window.Window, edges func(footer) (usage.Neighbours, error)) (usage.Neighbours, error) {
	f, err := l.openHour(ctx, cluster, window.Hour(hour.From.Add(-1)))
	if errors.Is(err, ErrHourMissing) {
		return usage.Neighbours{}, nil
	}
	if err != nil {
		return usage.Neighbours{}, err
	}
	n, err := edges(f.footer)
	if err != nil {
		return usage.Neighbours{}, err
	}
	if f.footer.Closing != "" && (n.Before != nil || n.Carried != nil) {
		n.Carry = l.edges(ctx, hour.From, f.footer)
	}
	n.Devices, err = f.devices()
	return n, err
}

// Disagree returns the closed hours beside a closed hour whose edge in common
// with it is another than the hour's own, oldest first: after the hour was
// restated, they are to be restated too, with the hour's edge given. Edges that
// one of the two has not booked at all, or that were pruned, can't disagree.
// Errors: as Edges.
func (l *Ledger) Disagree(ctx context.Context, cluster string, hour window.Window) ([]window.Window, error) {
	f, err := l.openHour(ctx, cluster, hour)
	if err != nil {
		return nil, err
	}
	before, after, err := l.beside(ctx, cluster, hour)
	if err != nil {
		return nil, err
	}
	var disagree []window.Window
	for _, side := range []struct {
		other, earlier, later footer
	}{
		{before, before, f.footer},
		{after, f.footer, after},
	} {
		differ, err := l.differ(ctx, side.earlier, side.later, time.Time{})
		if err != nil {
			return nil, err
		}
		if differ {
			disagree = append(disagree, side.other.Window)
		}
	}
	return disagree, nil
}

// beside reads the footers of the hours beside an hour. One that is not closed
// gives a footer that says nothing.
func (l *Ledger) beside(ctx context.Context, cluster string, hour window.Window) (before, after footer, err error) {
	if before, err = l.footerOf(ctx, cluster, window.Hour(hour.From.Add(-1))); err != nil {
		return footer{}, footer{}, err
	}
	after, err = l.footerOf(ctx, cluster, window.Hour(hour.To))
	return before, after, err
}

func (l *Ledger) footerOf(ctx context.Context, cluster string, hour window.Window) (footer, error) {
	f, err := l.openHour(ctx, cluster, hour)
	if errors.Is(err, ErrHourMissing) {
		return footer{}, nil
	}
	if err != nil {
		return footer{}, err
	}
	return f.footer, nil
}

// differ tells whether two hours, one after the other, booked different edges at
// the instant between them. An edge that only the earlier has booked is of
// something that the later did not see, and so counted nothing of. One that only
// the later has booked stands for what the earlier should have counted, unless
// it is of an epoch that began before since.
func (l *Ledger) differ(ctx context.Context, earlier, later footer, since time.Time) (bool, error) {
	if later.Opening == "" || later.Opening == earlier.Closing || !earlier.booked() {
		return false, nil
	}
	booked, err := l.table(ctx, later.Window.From, earlier, earlier.Closing)
	if err != nil || booked == nil {
		return false, err
	}
	f, err := l.openEdges(ctx, later.Cluster, later.Window.From, later.Opening)
	if l.wasPruned(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	differ := false
	err = f.yield(func(all []usage.Edge) error {
		for _, e := range all {
			total, ok := booked.Find(e.UUID, e.Pod, e.Container, e.Start)
			differ = differ || total != e.Total && (ok || e.Start >= since.UnixMilli())
		}
		return nil
	})
	return differ, err
}
