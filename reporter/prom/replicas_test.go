package prom_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

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
	return prom.NewReplicas(clients...)
}

// read reads everything and keeps the warnings, in which %s is a server's URL.
func read(t *testing.T, r *prom.Replicas) (all []prom.Series, warnings []string, err error) {
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
	first := []prom.Series{
		{Labels: labels("__name__", "seconds", "__replica__", "0", "uuid", "a"), Samples: samples(100, 1, 200, 2)},
		{Labels: labels("__name__", "seconds", "__replica__", "0", "uuid", "b"), Samples: samples(100, 1), Stale: []int64{200}},
	}
	second := []prom.Series{
		{Labels: labels("__address", "x", "__name__", "seconds", "__replica__", "1", "uuid", "a"), Samples: samples(150, 1.5)},
		{Labels: labels("A", "x", "__replica__", "1"), Samples: samples(150, 1.5)},
	}
	half := broken(stream(
		frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(100, 1, 200, 2)...))),
		frame(t, part(labels("__name__", "seconds", "uuid", "b"), chunk(t, samples(100, 1)...))),
		frame(t, part(labels("__name__", "seconds", "uuid", "c"), chunk(t, samples(100, 1)...)))), t)
	for name, tc := range map[string]struct {
		servers  []http.HandlerFunc
		want     []prom.Series
		warnings []string
		err      error
	}{
		"both":                    {servers: []http.HandlerFunc{one, two}, want: slices.Concat(first, second)},
		"one alone":               {servers: []http.HandlerFunc{one}, want: first},
		"one that is down":        {servers: []http.HandlerFunc{refuse(502, ""), two}, want: second, warnings: []string{"replica 0 of 2 (URL) could not be read: unreachable"}},
		"one that is locked":      {servers: []http.HandlerFunc{one, refuse(403, "")}, want: first, warnings: []string{"replica 1 of 2 (URL) could not be read: unauthorized"}},
		"one that lies":           {servers: []http.HandlerFunc{one, stream([]byte("\xff\xff"))}, want: first, warnings: []string{"replica 1 of 2 (URL) could not be read: protocol"}},
		"one that breaks off":     {servers: []http.HandlerFunc{half, two}, want: append([]prom.Series{first[0]}, second...), warnings: []string{"replica 0 of 2 (URL) could not be read: protocol"}},
		"none":                    {servers: []http.HandlerFunc{refuse(502, ""), refuse(500, "")}, err: prom.Unreachable, warnings: []string{"replica 0 of 2 (URL) could not be read: unreachable", "replica 1 of 2 (URL) could not be read: failed"}},
		"one that meets a limit":  {servers: []http.HandlerFunc{refuse(422, "too many samples"), two}, err: prom.Limit},
		"one that takes too long": {servers: []http.HandlerFunc{one, refuse(504, "")}, want: first, err: prom.Timeout},
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

func TestReplicasPassOnWhatIsNotOfTheServers(t *testing.T) {
	t.Parallel()
	answer := stream(frame(t, part(labels("__name__", "seconds"), chunk(t, samples(100, 1)...))))
	r := replicas(t, answer, answer)
	mine := &prom.Error{Kind: prom.Unreachable}
	calls := 0
	if err := r.Read(t.Context(), between(0, 1000), func(prom.Series) error { calls++; return mine }); err != error(mine) || calls != 1 {
		t.Errorf("%d calls and error %v, want the caller's own", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Read(ctx, between(0, 1000), func(prom.Series) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	for name, err := range map[string]error{
		"an empty range": r.Read(t.Context(), between(2, 1), nil),
		"no replicas":    prom.NewReplicas().Read(t.Context(), between(0, 1), nil),
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
		"":                 prom.NewReplicas(of("auto"), of("auto")),
		"json":             prom.NewReplicas(of("json"), of("json")),
		"json+remote_read": prom.NewReplicas(of("remote_read"), of("auto"), of("json")),
	} {
		if got := r.Road(); got != want {
			t.Errorf("road %q, want %q", got, want)
		}
	}
}
