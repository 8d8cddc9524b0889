package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Session is one run of closing or restating hours. It looks at each object at
// most once, except where another process may have changed it in a way that
// matters: see Commit and Disagree. So a Session lives for one run, and what it
// has seen is as old as the run. One goroutine at a time may use it.
type Session struct {
	ledger *Ledger
	writes int                  // how many hours it has written
	hours  map[string]look      // by the key of the hour's own object
	days   map[string]*dayHeads // by key; nil for a day that is not there
	edges  map[string]bucket.Object
	body   *file // the hour that was opened last, with its rows
	raw    *raw  // what body was opened from, nil for an hour of a day
}

// look is what a Session has seen of an hour.
type look struct {
	head *head // nil: the hour is not closed
	at   int   // how many hours the Session had written by then
	// The same when the Session changed the hour's opening or closing edges last; 0
	// if it did not.
	opening, closing int
}

// Session begins a run.
func (l *Ledger) Session() *Session {
	return &Session{ledger: l, hours: map[string]look{}, days: map[string]*dayHeads{}, edges: map[string]bucket.Object{}}
}

// Stat describes a closed hour without its rows. hour is the hour's window.
// Errors: *MissingError, *CorruptError, *SchemaError, the bucket's.
func (s *Session) Stat(ctx context.Context, cluster string, hour window.Window) (Entry, error) {
	h, err := s.head(ctx, cluster, hour, 0)
	if err != nil {
		return Entry{}, err
	}
	return h.entry, nil
}

// Segments yields the rows of a closed hour, as Ledger.Segments does.
func (s *Session) Segments(ctx context.Context, cluster string, hour window.Window, yield func([]usage.Segment) error) error {
	f, err := s.open(ctx, cluster, hour)
	if err != nil {
		return err
	}
	return f.segments(func(segments []usage.Segment) error {
		if len(segments) == 0 {
			return nil
		}
		return yield(segments)
	})
}

// head is the head of an hour, seen when the Session had written so many hours
// or later. Errors: as Stat.
func (s *Session) head(ctx context.Context, cluster string, hour window.Window, since int) (*head, error) {
	if err := checkHour(cluster, hour); err != nil {
		return nil, err
	}
	key := Key(cluster, hour)
	seen, ok := s.hours[key]
	if ok && seen.at >= since {
		if seen.head == nil {
			return nil, missing(cluster, hour)
		}
		return seen.head, nil
	}
	h, r, err := s.ledger.hours.ownHead(ctx, cluster, hour)
	if r != nil {
		s.raw, s.body = r.raw, r.file
	}
	if errors.Is(err, bucket.ErrNotFound) {
		h, err = s.inDay(ctx, cluster, hour)
	}
	if err != nil && !errors.Is(err, ErrHourMissing) {
		return nil, err
	}
	s.hours[key] = look{h, s.writes, seen.opening, seen.closing}
	return h, err
}

// inDay is the head of an hour in its day. Errors: as Stat.
func (s *Session) inDay(ctx context.Context, cluster string, hour window.Window) (*head, error) {
	w := dayOf(hour.From)
	key := DayKey(cluster, w)
	heads, seen := s.days[key]
	if !seen {
		var err error
		heads, err = s.ledger.days.heads(ctx, cluster, w)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return nil, ofHour(err, cluster, hour)
		}
		s.days[key] = heads
	}
	if heads == nil || heads.hours[hour] == nil {
		return nil, missing(cluster, hour)
	}
	return heads.hours[hour], nil
}

// neighbour is the head of an hour next to one at hand; nil if it is not closed.
// An hour that is not over yet can't be closed, so nobody is asked.
func (s *Session) neighbour(ctx context.Context, cluster string, hour window.Window, since int) (*head, error) {
	if now := s.ledger.now; now != nil && now().Before(hour.To) {
		return nil, nil
	}
	h, err := s.head(ctx, cluster, hour, since)
	if errors.Is(err, ErrHourMissing) {
		return nil, nil
	}
	return h, err
}

// open opens an hour with its rows. Errors: as Stat.
func (s *Session) open(ctx context.Context, cluster string, hour window.Window) (*file, error) {
	h, err := s.head(ctx, cluster, hour, 0)
	if err != nil {
		return nil, err
	}
	if s.holds(h) {
		return s.body, nil
	}
	if h.entry.Daily {
		f, err := s.ledger.days.openHour(ctx, cluster, hour)
		s.body, s.raw = f, nil
		return f, err
	}
	r, f, err := s.ledger.hours.openOwn(ctx, cluster, hour)
	if err != nil {
		return nil, err
	}
	s.body, s.raw = f, r
	if f.entry.SHA256 != h.entry.SHA256 { // restated since it was seen
		s.see(f)
	}
	return f, nil
}

// holds tells whether an hour is the one that was opened last.
func (s *Session) holds(h *head) bool {
	f := s.body
	return f != nil && f.footer.Cluster == h.footer.Cluster && f.footer.Window == h.footer.Window && f.entry.SHA256 == h.entry.SHA256
}

// see notes an hour that was just opened in its own object.
func (s *Session) see(f *file) {
	h := &head{footer: f.footer, entry: f.entry, etag: f.entry.ETag}
	s.ledger.hours.remember(h)
	seen := s.hours[f.entry.Key]
	s.hours[f.entry.Key] = look{h, s.writes, seen.opening, seen.closing}
}

// roster are the GPUs with which an hour ended. Errors: as Stat.
func (s *Session) roster(ctx context.Context, h *head) ([]usage.Device, error) {
	if h.roster.known {
		return h.roster.gpus, nil
	}
	f, err := s.open(ctx, h.footer.Cluster, h.footer.Window)
	if err != nil {
		return nil, err
	}
	gpus, err := f.devices()
	if err == nil && !h.entry.Daily {
		known := *h
		known.roster = roster{true, gpus}
		s.ledger.hours.remember(&known)
		seen := s.hours[h.entry.Key]
		s.hours[h.entry.Key] = look{&known, seen.at, seen.opening, seen.closing}
	}
	return gpus, err
}

// fresh tells whether an object that was written then is too young to be pruned
// for being named by no hour, whatever the clocks of the store and this machine.
func (l *Ledger) fresh(modified time.Time) bool {
	return l.now != nil && !modified.IsZero() && l.now().Sub(modified) < grace/2
}
