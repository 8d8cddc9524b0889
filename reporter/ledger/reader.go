package ledger

import (
	"context"
	"errors"
	"sync"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Known says whether an hour is closed, and with which object, as the index knows
// it: so hours that are not closed are not asked for, and hours of a day are read
// from its one object.
type Known func(cluster string, hour window.Window) (sha256 string, closed bool)

// DamagedDay hears of an object of the daily table that can't be read: the error is a
// *CorruptError or a *SchemaError. Hours that have objects of their own are read in
// these.
type DamagedDay func(cluster string, day window.Window, err error)

const (
	// daysKept is how many days of a cluster a Reader holds: while several hours
	// are read at once, some may be of the next day.
	daysKept = 2
	// wholeDay is how many known hours of a day are read from the day's object: for
	// fewer, their own objects are less to read.
	wholeDay = 8
)

// Reader reads closed hours about in the order of time, many goroutines at once.
// Of a day that is in the daily table it reads one object, once. It holds the
// latest days of each cluster, so it lives for one report.
type Reader struct {
	ledger  *Ledger
	known   Known
	damaged DamagedDay

	mu   sync.Mutex
	days map[string][]*readerDay // by cluster, oldest first
}

// readerDay is a day that is being read, or was.
type readerDay struct {
	window window.Window
	ready  chan struct{} // closed once day or err is there
	day    *day
	err    error
}

// Reader begins to read hours. Without known, every hour is asked for. damaged may
// be nil; it is called by whoever reads, also by several at once.
func (l *Ledger) Reader(known Known, damaged DamagedDay) *Reader {
	return &Reader{ledger: l, known: known, damaged: damaged, days: map[string][]*readerDay{}}
}

// Scan opens a closed hour for reading by columns. Errors: as Ledger.Stat.
func (r *Reader) Scan(ctx context.Context, cluster string, hour window.Window, columns usage.Columns) (*Scan, error) {
	f, err := r.open(ctx, cluster, hour)
	if err != nil {
		return nil, err
	}
	return &Scan{f, f.rows.Scan(columns)}, nil
}

// Segments yields the rows of a closed hour. Errors: as Ledger.Stat, yield's.
func (r *Reader) Segments(ctx context.Context, cluster string, hour window.Window, yield func([]usage.Segment) error) error {
	f, err := r.open(ctx, cluster, hour)
	if err != nil {
		return err
	}
	return f.segments(yield)
}

func (r *Reader) open(ctx context.Context, cluster string, hour window.Window) (*file, error) {
	if err := checkHour(cluster, hour); err != nil {
		return nil, err
	}
	if r.known != nil {
		sum, closed := r.known(cluster, hour)
		if !closed {
			return nil, missing(cluster, hour)
		}
		if r.mostOf(cluster, dayOf(hour.From)) {
			// A day that can't be read may have no hour that is needed.
			if f, err := r.inDay(ctx, cluster, hour); err == nil && f.entry.SHA256 == sum {
				return f, nil
			}
		}
	}
	_, f, err := r.ledger.hours.openOwn(ctx, cluster, hour)
	if errors.Is(err, bucket.ErrNotFound) {
		return r.inDay(ctx, cluster, hour)
	}
	return f, err
}

// mostOf tells whether so many hours of a day are known that its object is the
// shorter way to them.
func (r *Reader) mostOf(cluster string, w window.Window) bool {
	n := 0
	for hour := range w.Hours() {
		if _, closed := r.known(cluster, hour); closed {
			n++
		}
	}
	return n > wholeDay
}

// inDay opens an hour in its day. Errors: as Ledger.Stat.
func (r *Reader) inDay(ctx context.Context, cluster string, hour window.Window) (*file, error) {
	d := r.day(ctx, cluster, dayOf(hour.From))
	select {
	case <-d.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if d.err != nil {
		return nil, ofHour(d.err, cluster, hour)
	}
	f, ok := d.day.hour(hour)
	if !ok {
		return nil, missing(cluster, hour)
	}
	return f, nil
}

// day is a day that is read already, or is being read by the first who asked.
func (r *Reader) day(ctx context.Context, cluster string, w window.Window) *readerDay {
	r.mu.Lock()
	for _, d := range r.days[cluster] {
		if d.window == w {
			r.mu.Unlock()
			return d
		}
	}
	d := &readerDay{window: w, ready: make(chan struct{})}
	all := append(r.days[cluster], d)
	r.days[cluster] = all[max(0, len(all)-daysKept):]
	r.mu.Unlock()
	d.day, d.err = r.ledger.days.open(ctx, cluster, w)
	close(d.ready)
	if r.damaged != nil && (errors.As(d.err, new(*CorruptError)) || errors.As(d.err, new(*SchemaError))) {
		r.damaged(cluster, w, d.err)
	}
	return d
}
