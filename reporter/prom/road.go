package prom

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

// request is what a road is asked for.
type request struct {
	from, to int64 // Unix milliseconds, both included
	matchers []series.Matcher
}

// road is one way to get raw samples out of a server.
type road interface {
	// name is what the record of a read calls the road.
	name() string
	// read sends one request and yields the series of the answer as Client.Read
	// describes. It does not try again. A server that does not have the road is
	// an Error of the kind Rejected or Protocol.
	// Errors: *Error, the context's, yield's.
	read(ctx context.Context, s *server, r request, yield func(series.Series) error) error
}

// roads are all roads, the best first.
func roads() []road { return []road{remoteRead{}, export{}, instant{}} }

// ErrNoRoad is wrapped by the Error of a server that answers but on no road.
var ErrNoRoad = errors.New("server has no way to read raw samples")

// noSeries is the name of a metric that nobody has: a question for it is
// answered fast, and with all that tells of a road.
const noSeries = "gputally_no_such_metric"

// finder finds the road to a server by trying each, and remembers it until the
// server turns out not to have it any more.
type finder struct {
	roads []road
	turn  chan struct{} // held by the one who tries
	found atomic.Pointer[road]
}

// newFinder returns a finder among the roads of that name, all if it is "auto"
// or "".
func newFinder(name string) (*finder, error) {
	f := &finder{turn: make(chan struct{}, 1)}
	if name == "" || name == "auto" {
		f.roads = roads()
		return f, nil
	}
	known := []string{"auto"}
	for _, r := range roads() {
		known = append(known, r.name())
		if r.name() == name {
			f.roads = []road{r}
			f.found.Store(&r)
			return f, nil
		}
	}
	return nil, fmt.Errorf("road %q: must be one of %s", name, strings.Join(known, ", "))
}

// road returns the road that was found, nil if none was yet.
func (f *finder) road() road {
	if r := f.found.Load(); r != nil {
		return *r
	}
	return nil
}

// forget forgets a road that was found, so that the roads are tried again, and
// tells whether they will be: not if the road was named by the configuration.
func (f *finder) forget(way road) bool {
	if len(f.roads) < 2 {
		return false
	}
	if found := f.found.Load(); found != nil && *found == way {
		f.found.CompareAndSwap(found, nil)
	}
	return true
}

// find returns the road, and tries the roads if none was found yet. Only an
// answer is remembered: a server that fails or can't be reached says nothing
// about its roads.
func (f *finder) find(ctx context.Context, s *server, at int64) (road, error) {
	if r := f.road(); r != nil {
		return r, nil
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.turn }()
	if r := f.road(); r != nil { // found while this one waited
		return r, nil
	}
	var reasons []error
	for _, r := range f.roads {
		err := s.try(ctx, r, at)
		if err == nil {
			f.found.Store(&r)
			s.found(withoutUser(s.base), r.name())
			return r, nil
		}
		if !missing(err) {
			return nil, fmt.Errorf("looking for a way to read raw samples: %w", err)
		}
		reasons = append(reasons, err)
	}
	return nil, noRoad(withoutUser(s.base), reasons)
}

// try asks on a road for the series of nobody.
func (s *server) try(ctx context.Context, r road, at int64) error {
	return s.retry.do(ctx, s.log, func() (bool, error) {
		return true, r.read(ctx, s, request{
			from:     at,
			to:       at,
			matchers: []series.Matcher{{Name: series.NameLabel, Value: noSeries}},
		}, func(got series.Series) error {
			return garbled("asked for %s, the server sends %s", noSeries, got.Labels)
		})
	})
}

// silentAfter is how long a server may take for the question for the series of nobody.
const silentAfter = 20 * time.Second

// errSilent is the cause of the Error of a server that takes connections and
// answers nothing.
var errSilent = errors.New("it takes connections and answers nothing, not even a question that costs nothing")

// silent reports whether the server does not answer, where a read ended with err:
// a server that took too long, but answers the question for the series of nobody,
// has too much to read, and smaller pieces help; one that doesn't has another
// trouble. As long as no road is known, nothing else was asked.
func (c *Client) silent(ctx context.Context, q series.Query, err error) bool {
	if !expired(err) || ctx.Err() != nil {
		return false
	}
	way := c.finder.road()
	if way == nil {
		return true
	}
	once := *c.server
	once.retry.Tries, once.timeout = 1, min(once.timeout, silentAfter)
	return expired(once.try(ctx, way, q.To.UnixMilli())) && ctx.Err() == nil
}

func (c *Client) noAnswer() error {
	return &Error{URL: withoutUser(c.server.base), Kind: series.Unreachable, Err: errSilent}
}

// expired reports whether the time for an answer was over, as counted here.
func expired(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == series.Timeout && errors.Is(e.Err, context.DeadlineExceeded)
}

// missing reports whether the error is of a server that does not have the road.
func missing(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Kind == series.Rejected || e.Kind == series.Protocol) && !errors.Is(err, ErrTruncated)
}

// noRoad is the error of a server on which every road failed for its reason.
func noRoad(url string, reasons []error) error {
	e := &Error{URL: url, Kind: series.Protocol, Err: fmt.Errorf("%w: %w", ErrNoRoad, errors.Join(reasons...))}
	var last *Error
	if errors.As(reasons[len(reasons)-1], &last) {
		e.Kind, e.Status = last.Kind, last.Status
	}
	return e
}
