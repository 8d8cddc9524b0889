package prom_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/prom"
)

// replicas reads servers by remote_read.
func replicas(t *testing.T, handlers ...http.HandlerFunc) *prom.Replicas {
	t.Helper()
	var clients []*prom.Client
	for _, h := range handlers {
		clients = append(clients, client(t, prom.Config{URL: serve(t, h)}))
	}
	return prom.NewReplicas(time.Now, clients...)
}

// read reads everything and keeps the warnings, in which %s is a server's URL.
func read(t *testing.T, r *prom.Replicas) (all []series.Series, warnings []string, err error) {
	t.Helper()
	q := between(0, 1000)
	q.Warn = func(text string) {
		before, rest, _ := strings.Cut(text, "(http://127.0.0.1:")
		_, after, _ := strings.Cut(rest, ")")
		warnings = append(warnings, before+"(URL)"+after)
	}
	err = r.Read(t.Context(), q, copyTo(&all))
	return all, warnings, err
}

func TestReplicasAreReadSideBySide(t *testing.T) {
	t.Parallel()
	one := stream(
		frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(100, 1, 200, 2)...))),
		frame(t, part(labels("__name__", "seconds", "__replica__", "east", "uuid", "b"), chunk(t, samples(100, 1, 200, staleMarker)...))))
	two := stream(
		frame(t, part(labels("__address", "x", "__name__", "seconds", "uuid", "a"), chunk(t, samples(150, 1.5)...))),
		frame(t, part(labels("A", "x"), chunk(t, samples(150, 1.5)...))))
	first := []series.Series{
		{Labels: labels("__name__", "seconds", "__replica__", "0", "uuid", "a"), Samples: samples(100, 1, 200, 2)},
		{Labels: labels("__name__", "seconds", "__replica__", "0", "uuid", "b"), Samples: samples(100, 1), Stale: []int64{200}},
	}
	second := []series.Series{
		{Labels: labels("__address", "x", "__name__", "seconds", "__replica__", "1", "uuid", "a"), Samples: samples(150, 1.5)},
		{Labels: labels("A", "x", "__replica__", "1"), Samples: samples(150, 1.5)},
	}
	half := broken(stream(
		frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(100, 1, 200, 2)...))),
		frame(t, part(labels("__name__", "seconds", "uuid", "b"), chunk(t, samples(100, 1)...))),
		frame(t, part(labels("__name__", "seconds", "uuid", "c"), chunk(t, samples(100, 1)...)))), t)
	for name, tc := range map[string]struct {
		servers  []http.HandlerFunc
		want     []series.Series
		warnings []string
		err      error
	}{
		"both":                    {servers: []http.HandlerFunc{one, two}, want: slices.Concat(first, second)},
		"one alone":               {servers: []http.HandlerFunc{one}, want: first},
		"one that is down":        {servers: []http.HandlerFunc{refuse(502, ""), two}, want: second, warnings: []string{"replica 0 of 2 (URL) could not be read: unreachable"}},
		"one that is locked":      {servers: []http.HandlerFunc{one, refuse(403, "")}, want: first, warnings: []string{"replica 1 of 2 (URL) could not be read: unauthorized"}},
		"one that lies":           {servers: []http.HandlerFunc{one, stream([]byte("\xff\xff"))}, want: first, warnings: []string{"replica 1 of 2 (URL) could not be read: protocol"}},
		"one that breaks off":     {servers: []http.HandlerFunc{half, two}, want: append([]series.Series{first[0]}, second...), warnings: []string{"replica 0 of 2 (URL) could not be read: protocol"}},
		"none":                    {servers: []http.HandlerFunc{refuse(502, ""), refuse(500, "")}, err: series.Unreachable, warnings: []string{"replica 0 of 2 (URL) could not be read: unreachable", "replica 1 of 2 (URL) could not be read: failed"}},
		"one that meets a limit":  {servers: []http.HandlerFunc{refuse(422, "too many samples"), two}, err: series.Limit},
		"one that takes too long": {servers: []http.HandlerFunc{refuse(504, ""), two}, want: second, warnings: []string{"replica 0 of 2 (URL) could not be read: timeout"}},
		"both take too long":      {servers: []http.HandlerFunc{refuse(504, ""), refuse(504, "")}, err: series.Timeout},
		"too long, or down":       {servers: []http.HandlerFunc{refuse(504, ""), refuse(502, "")}, err: series.Timeout, warnings: []string{"replica 1 of 2 (URL) could not be read: unreachable"}},
		"too long, or a limit":    {servers: []http.HandlerFunc{refuse(504, ""), refuse(422, "too many samples")}, err: series.Limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, warnings, err := read(t, replicas(t, tc.servers...))
			if tc.err == nil && err != nil || !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReplicaThatIsDownIsNotAskedOverAndOver(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	count := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			h(w, r)
		}
	}
	r := replicas(t, inTurn(count(refuse(502, "")), count(refuse(502, "")), count(refuse(502, "")), count(refuse(502, "")), count(stream()), count(refuse(502, "")), count(stream())), stream())
	for i, want := range []int32{3, 4, 5, 7} { // tries in all after each read
		if _, _, err := read(t, r); err != nil || requests.Load() != want {
			t.Errorf("read %d: %d requests, want %d; error %v", i, requests.Load(), want, err)
		}
	}
}

// hung takes a request and says nothing until the other side gives up.
func hung(requests *atomic.Int32) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that it is gone
		<-r.Context().Done()
	}
}

// Piece after piece is read while one replica takes connections and is silent.
func TestAReplicaThatHangsIsLeftOut(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	good := frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(100, 1)...)))
	r := prom.NewReplicas(time.Now,
		client(t, prom.Config{URL: serve(t, hung(&requests)), Timeout: 50 * time.Millisecond}),
		client(t, prom.Config{URL: serve(t, stream(good))}))
	want := []string{"replica 0 of 2 (URL) could not be read: timeout"}
	for i := range 20 {
		got, warnings, err := read(t, r)
		if err != nil || len(got) != 1 || requests.Load() != 1 || !slices.Equal(warnings, want) {
			t.Errorf("read %d: %d series, %d requests that hung, warnings %q, error %v", i, len(got), requests.Load(), warnings, err)
		}
	}
}

func TestAReplicaThatTookTooLongIsAskedAgain(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	good := frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(100, 1)...)))
	slow, down, up := refuse(504, ""), refuse(502, ""), stream(good)
	var requests atomic.Int32
	first := inTurn(slow, slow, slow, slow, up)
	r := prom.NewReplicas(func() time.Time { return now },
		client(t, prom.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			first(w, r)
		})}),
		client(t, prom.Config{URL: serve(t, inTurn(up, up, up, up, down, down, down, up))}))
	left := []string{"replica 0 of 2 (URL) could not be read: timeout"}
	for i, step := range []struct {
		wait     time.Duration
		requests int32 // to the slow one, in all
		series   int
		warnings []string
	}{
		{0, 3, 1, left},
		{0, 3, 1, left},
		{10*time.Minute - 1, 3, 1, left},
		{1, 4, 1, left}, // once, and no more
		{0, 5, 1, []string{"replica 1 of 2 (URL) could not be read: unreachable"}}, // there is no other
		{0, 6, 2, nil},
	} {
		now = now.Add(step.wait)
		got, warnings, err := read(t, r)
		if err != nil || len(got) != step.series || requests.Load() != step.requests {
			t.Errorf("read %d: %d series and %d requests to the slow one, want %d and %d; error %v", i, len(got), requests.Load(), step.series, step.requests, err)
		}
		if diff := cmp.Diff(step.warnings, warnings, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read %d: warnings (-want +got):\n%s", i, diff)
		}
	}
}

// As long as the other one meets limits, it is not known whether it is better.
func TestAReplicaThatHangsDoesNotSlowDownTheHalvingForLong(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	limit := refuse(422, "too many samples")
	r := prom.NewReplicas(time.Now,
		client(t, prom.Config{URL: serve(t, hung(&requests)), Timeout: 50 * time.Millisecond}),
		client(t, prom.Config{URL: serve(t, inTurn(limit, limit, limit, limit, stream()))}))
	for range 4 {
		if _, _, err := read(t, r); !errors.Is(err, series.Limit) {
			t.Errorf("error %v, want the limit", err)
		}
	}
	if _, warnings, err := read(t, r); err != nil || len(warnings) != 1 || requests.Load() != 2 {
		t.Errorf("%d requests that hung, want 2; %q, error %v", requests.Load(), warnings, err)
	}
}

func TestReplicasThatAllHangAreNoServersWithTooMuchToRead(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	var all []*prom.Client
	for range 2 {
		all = append(all, client(t, prom.Config{URL: serve(t, hung(&requests)), Timeout: 20 * time.Millisecond}))
	}
	_, _, err := read(t, prom.NewReplicas(time.Now, all...))
	if !errors.Is(err, series.Unreachable) || errors.Is(err, series.Timeout) || strings.Count(err.Error(), "answers nothing") != 2 {
		t.Errorf("error %v", err)
	}
}

func TestReplicasPassOnWhatIsNotOfTheServers(t *testing.T) {
	t.Parallel()
	answer := stream(frame(t, part(labels("__name__", "seconds"), chunk(t, samples(100, 1)...))))
	r := replicas(t, answer, answer)
	mine := &prom.Error{Kind: series.Unreachable}
	calls := 0
	if err := r.Read(t.Context(), between(0, 1000), func(series.Series) error { calls++; return mine }); err != error(mine) || calls != 1 { //nolint:errorlint // not even wrapped
		t.Errorf("%d calls and error %v, want the caller's own", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Read(ctx, between(0, 1000), func(series.Series) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	for name, err := range map[string]error{
		"an empty range": r.Read(t.Context(), between(2, 1), nil),
		"no replicas":    prom.NewReplicas(time.Now).Read(t.Context(), between(0, 1), nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReplicasNameTheirRoads(t *testing.T) {
	t.Parallel()
	of := func(road string) *prom.Client {
		return client(t, prom.Config{URL: "http://127.0.0.1:1", Road: road})
	}
	for want, r := range map[string]*prom.Replicas{
		"":                 prom.NewReplicas(time.Now, of("auto"), of("auto")),
		"json":             prom.NewReplicas(time.Now, of("json"), of("json")),
		"json+remote_read": prom.NewReplicas(time.Now, of("remote_read"), of("auto"), of("json")),
	} {
		if got := r.Road(); got != want {
			t.Errorf("road %q, want %q", got, want)
		}
	}
}
