package prom_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/prom"
)

// refuseFor answers with a status and a Retry-After.
func refuseFor(status int, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Wed, 21 Oct 2026 07:28:00 GMT")
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}
}

func TestReadTriesAgain(t *testing.T) {
	t.Parallel()
	ls := labels("__name__", "seconds", "uuid", "a")
	other := labels("__name__", "seconds", "uuid", "b")
	first := frame(t, part(ls, chunk(t, samples(100, 1)...)))
	second := frame(t, part(other, chunk(t, samples(100, 2)...)))
	ok := stream(first, second)
	all := []series.Series{{Labels: ls, Samples: samples(100, 1)}, {Labels: other, Samples: samples(100, 2)}}
	for name, tc := range map[string]struct {
		answers []http.HandlerFunc
		kind    error // nil: the read succeeds
		series  []series.Series
		waits   []time.Duration
	}{
		"not when all is well": {answers: []http.HandlerFunc{ok}, series: all},
		"after a failure, later each time": {
			answers: []http.HandlerFunc{refuse(500, ""), refuse(503, ""), ok},
			series:  all,
			waits:   []time.Duration{75 * time.Millisecond, 150 * time.Millisecond},
		},
		"three times in all": {
			answers: []http.HandlerFunc{refuse(500, ""), refuse(500, ""), refuse(500, ""), ok},
			kind:    series.Failed,
			waits:   []time.Duration{75 * time.Millisecond, 150 * time.Millisecond},
		},
		"when the server said, in seconds": {
			answers: []http.HandlerFunc{refuseFor(429, "7"), ok},
			series:  all,
			waits:   []time.Duration{7 * time.Second},
		},
		"when the server said, as a date": {
			answers: []http.HandlerFunc{refuseFor(503, "Wed, 21 Oct 2026 07:28:09 GMT"), ok},
			series:  all,
			waits:   []time.Duration{9 * time.Second},
		},
		"not before its own wait": {
			answers: []http.HandlerFunc{refuseFor(503, "0"), ok},
			series:  all,
			waits:   []time.Duration{75 * time.Millisecond},
		},
		"with a Retry-After that means nothing": {
			answers: []http.HandlerFunc{refuseFor(503, "soon"), ok},
			series:  all,
			waits:   []time.Duration{75 * time.Millisecond},
		},
		"not if the server wants to be left alone for long": {
			answers: []http.HandlerFunc{refuseFor(429, "3600"), ok},
			kind:    series.Overloaded,
		},
		"not what was rejected":        {answers: []http.HandlerFunc{refuse(400, ""), ok}, kind: series.Rejected},
		"not without credentials":      {answers: []http.HandlerFunc{refuse(401, ""), ok}, kind: series.Unauthorized},
		"not what met a limit":         {answers: []http.HandlerFunc{refuse(422, "too many samples"), ok}, kind: series.Limit},
		"not what breaks the protocol": {answers: []http.HandlerFunc{stream(rawFrame([]byte{0x0a, 0x7f})), ok}, kind: series.Protocol},
		"after an answer that was cut before a series was whole": {
			answers: []http.HandlerFunc{stream(first, second[:7]), ok},
			series:  all,
			waits:   []time.Duration{75 * time.Millisecond},
		},
		"never once a series was handed over": {
			answers: []http.HandlerFunc{stream(first, second, second[:7]), ok},
			kind:    prom.ErrTruncated,
			series:  all[:1],
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var waits []time.Duration
			c := client(t, prom.Config{URL: serve(t, inTurn(tc.answers...)), Retry: prom.Retry{
				Base:   100 * time.Millisecond,
				Jitter: func() float64 { return 0.5 },
				Sleep: func(_ context.Context, d time.Duration) error {
					waits = append(waits, d)
					return nil
				},
			}})
			got, err := collect(t, c, between(0, 1000))
			if tc.kind == nil && err != nil || !errors.Is(err, tc.kind) {
				t.Errorf("error %v, want %v", err, tc.kind)
			}
			if diff := cmp.Diff(tc.series, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
			if !slices.Equal(waits, tc.waits) {
				t.Errorf("waits %v, want %v", waits, tc.waits)
			}
		})
	}
}

func TestReadTriesAgainWithoutAConnection(t *testing.T) {
	t.Parallel()
	waits := 0
	c := client(t, prom.Config{URL: "http://127.0.0.1:1", Retry: prom.Retry{
		Sleep: func(context.Context, time.Duration) error { waits++; return nil },
	}})
	if _, err := collect(t, c, between(0, 1)); !errors.Is(err, series.Unreachable) || waits != 2 {
		t.Errorf("%d waits and error %v, want 2 and unreachable", waits, err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var requests atomic.Int32
	c, err := prom.New(prom.Config{
		Retry: prom.Retry{Base: time.Hour, Max: time.Hour},
		URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			refuse(500, "")(w, r)
			time.AfterFunc(10*time.Millisecond, cancel)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Read(ctx, between(0, 1), func(series.Series) error { return nil })
	if !errors.Is(err, context.Canceled) || requests.Load() != 1 {
		t.Errorf("%d requests, error %v", requests.Load(), err)
	}
}

func TestWaitsStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		jitter float64
		want   []time.Duration // of the second until the last try
	}{
		"least": {0, []time.Duration{500, 1000, 2000, 2500, 2500}},
		"most":  {1, []time.Duration{1000, 2000, 4000, 5000, 5000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []time.Duration
			c := client(t, prom.Config{URL: serve(t, refuse(500, "")), Retry: prom.Retry{
				Tries:  6,
				Base:   time.Second,
				Max:    5 * time.Second,
				Jitter: func() float64 { return tc.jitter },
				Sleep: func(_ context.Context, d time.Duration) error {
					got = append(got, d/time.Millisecond)
					return nil
				},
			}})
			if _, err := collect(t, c, between(0, 1)); err == nil {
				t.Fatal("no error")
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("waits of %v ms, want %v", got, tc.want)
			}
		})
	}
}
