package prom_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gputally/gputally/reporter/series"

	"github.com/gputally/gputally/reporter/prom"
)

// ways answers the roads of a server by path, and counts the requests.
type ways struct {
	read, export, query http.HandlerFunc // nil means not found
	requests            atomic.Int32
}

func (s *ways) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	h := map[string]http.HandlerFunc{"/api/v1/read": s.read, "/api/v1/export": s.export, "/api/v1/query": s.query}[r.URL.Path]
	if h == nil {
		h = http.NotFound
	}
	h(w, r)
}

func TestTheRoadIsFoundByTrying(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		server *ways
		road   string // "" means that none is found
		err    error
		text   []string
	}{
		"Prometheus and Mimir":                          {server: &ways{read: stream(), query: matrix(results())}, road: "remote_read"},
		"VictoriaMetrics":                               {server: &ways{read: refuse(400, "unsupported path requested"), export: lines(""), query: matrix(results())}, road: "export"},
		"Thanos":                                        {server: &ways{query: matrix(results())}, road: "json"},
		"a remote read that does not stream":            {server: &ways{read: typed("application/x-protobuf", ""), query: matrix(results())}, road: "json"},
		"a page for every unknown path":                 {server: &ways{read: typed("text/html", "<html>"), export: typed("text/html", "<html>"), query: matrix(results())}, road: "json"},
		"a server that has not built remote read":       {server: &ways{read: refuse(501, ""), query: matrix(results())}, road: "json"},
		"a method that is not allowed":                  {server: &ways{read: refuse(405, ""), query: matrix(results())}, road: "json"},
		"nothing of the kind":                           {server: &ways{}, err: prom.ErrNoRoad, text: []string{"api/v1/read", "api/v1/export", "api/v1/query", "404"}},
		"pages only":                                    {server: &ways{read: typed("text/html", ""), export: typed("text/html", ""), query: typed("text/html", "")}, err: prom.ErrNoRoad, text: []string{"text/html"}},
		"credentials that are not enough for a road":    {server: &ways{read: refuse(403, ""), query: matrix(results())}, err: series.Unauthorized},
		"credentials that are missing":                  {server: &ways{read: refuse(401, "no org id"), export: refuse(401, ""), query: refuse(401, "")}, err: series.Unauthorized},
		"a server that fails":                           {server: &ways{read: refuse(500, "boom"), query: matrix(results())}, err: series.Failed},
		"a server that is busy":                         {server: &ways{read: refuse(503, ""), query: matrix(results())}, err: series.Overloaded},
		"a proxy without a server":                      {server: &ways{read: refuse(502, ""), query: matrix(results())}, err: series.Unreachable},
		"a store that is down":                          {server: &ways{query: refuse(422, "rpc error: code = Unavailable desc = connection refused")}, err: series.Partial},
		"an answer with a warning":                      {server: &ways{query: matrix(`{"status":"success","warnings":["store down"],"data":{"resultType":"matrix","result":[]}}`)}, err: series.Partial},
		"an answer that breaks off":                     {server: &ways{query: matrix(`{"status":`)}, err: prom.ErrTruncated},
		"a server that sends what nobody has asked for": {server: &ways{query: matrix(results(`{"metric":{"__name__":"up"},"values":[[0.1,"1"]]}`))}, err: prom.ErrNoRoad, text: []string{"up{}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, prom.Config{Road: "auto", URL: serve(t, tc.server.ServeHTTP)})
			if c.Road() != "" {
				t.Errorf("road %q before the first read", c.Road())
			}
			got, err := collect(t, c, between(0, 100))
			if tc.err == nil && err != nil || !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			var e *prom.Error
			if err != nil && (!errors.As(err, &e) || e.Hint() == "") {
				t.Errorf("error %v has no hint", err)
			}
			for _, part := range tc.text {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %v does not tell of %s", err, part)
				}
			}
			if c.Road() != tc.road || len(got) > 0 {
				t.Errorf("road %q and %d series, want %q and none", c.Road(), len(got), tc.road)
			}
		})
	}
}

func TestTheRoadIsTriedOnceByMany(t *testing.T) {
	t.Parallel()
	server := &ways{query: matrix(results())}
	c := client(t, prom.Config{Road: "auto", URL: serve(t, server.ServeHTTP), MaxConcurrent: 4})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := c.Read(t.Context(), between(0, 100), func(series.Series) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := server.requests.Load(); n != 3+8 || c.Road() != "json" {
		t.Errorf("%d requests and road %q, want three to find the road and one for each read", n, c.Road())
	}
}

func TestAServerThatWasDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	down := inTurn(refuse(503, ""), refuse(503, ""), refuse(503, ""), stream())
	c := client(t, prom.Config{Road: "auto", URL: serve(t, (&ways{read: down, query: matrix(results())}).ServeHTTP)})
	if _, err := collect(t, c, between(0, 100)); !errors.Is(err, series.Overloaded) || c.Road() != "" {
		t.Fatalf("error %v and road %q, want overloaded and none", err, c.Road())
	}
	if _, err := collect(t, c, between(0, 100)); err != nil || c.Road() != "remote_read" {
		t.Errorf("error %v and road %q", err, c.Road())
	}
}

func TestARoadCanBeForced(t *testing.T) {
	t.Parallel()
	for _, road := range []string{"remote_read", "export", "json"} {
		server := &ways{read: stream(), export: lines(""), query: matrix(results())}
		c := client(t, prom.Config{Road: road, URL: serve(t, server.ServeHTTP)})
		if c.Road() != road {
			t.Errorf("road %q, want %q", c.Road(), road)
		}
		if _, err := collect(t, c, between(0, 100)); err != nil || server.requests.Load() != 1 {
			t.Errorf("%s: %d requests, error %v", road, server.requests.Load(), err)
		}
	}
	_, err := prom.New(prom.Config{URL: "http://prometheus", Road: "remote-read"})
	for _, part := range []string{`"remote-read"`, "auto", "remote_read", "export", "json"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not tell %s", err, part)
		}
	}
}

// answers are the same three series on every road.
func answers(t *testing.T) map[string]http.HandlerFunc {
	t.Helper()
	var frames [][]byte
	var rows, series []string
	for _, name := range []string{"seconds", "share", "up"} {
		frames = append(frames, frame(t, part(labels("__name__", name), chunk(t, samples(50, 7)...))))
		rows = append(rows, `{"metric":{"__name__":"`+name+`"},"values":[7],"timestamps":[50]}`+"\n")
		series = append(series, `{"metric":{"__name__":"`+name+`"},"values":[[0.05,"7"]]}`)
	}
	return map[string]http.HandlerFunc{
		"remote_read": stream(frames...),
		"export":      lines(strings.Join(rows, "")),
		"json":        matrix(results(series...)),
	}
}

// broken sends a part of what the handler answers, and ends the connection.
func broken(whole http.HandlerFunc, t *testing.T) http.HandlerFunc {
	body, header := recorded(t, whole)
	return func(w http.ResponseWriter, _ *http.Request) {
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		_, _ = w.Write(body[:len(body)-5])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestAReadingBeginsAgainOnEveryRoad(t *testing.T) {
	t.Parallel()
	for road, whole := range answers(t) {
		for name, restart := range map[string]bool{"where the reader can": true, "not where it can't": false} {
			t.Run(road+", "+name, func(t *testing.T) {
				t.Parallel()
				c := client(t, prom.Config{Road: road, URL: serve(t, inTurn(broken(whole, t), whole))})
				var got []string
				q := between(0, 100)
				restarts := 0
				if restart {
					q.Restart = func() { got, restarts = nil, restarts+1 }
				}
				err := c.Read(t.Context(), q, func(s series.Series) error {
					got = append(got, s.Labels.String())
					return nil
				})
				var e *prom.Error
				switch {
				case restart && (err != nil || restarts != 1 || !slices.Equal(got, []string{"seconds{}", "share{}", "up{}"})):
					t.Errorf("%d restarts, series %v, error %v", restarts, got, err)
				case !restart && (!errors.As(err, &e) || len(got) == 0):
					t.Errorf("series %v, error %v", got, err)
				}
			})
		}
	}
}

func TestRetryAfterIsRespectedOnEveryRoad(t *testing.T) {
	t.Parallel()
	for road, whole := range answers(t) {
		t.Run(road, func(t *testing.T) {
			t.Parallel()
			var waits waits
			busy := func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "17")
				refuse(429, "slow down")(w, r)
			}
			c := client(t, prom.Config{Road: road, URL: serve(t, inTurn(busy, whole)), Retry: prom.Retry{Sleep: waits.sleep}})
			got, err := collect(t, c, between(0, 100))
			if err != nil || len(got) != 3 || len(waits) != 1 || waits[0].Seconds() != 17 {
				t.Errorf("%d series after waits %v, error %v", len(got), waits, err)
			}
		})
	}
}

func TestAPartialAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	whole := answers(t)["json"]
	warning := matrix(`{"status":"success","warnings":["a store is down"],"data":{"resultType":"matrix","result":[]}}`)
	got, err := collect(t, client(t, prom.Config{Road: "json", URL: serve(t, inTurn(warning, refuse(422, "code = Unavailable"), whole))}), between(0, 100))
	if err != nil || len(got) != 3 {
		t.Errorf("%d series, error %v", len(got), err)
	}
	if _, err = collect(t, client(t, prom.Config{Road: "json", URL: serve(t, warning)}), between(0, 100)); !errors.Is(err, series.Partial) {
		t.Errorf("error %v, want partial", err)
	}
}

// An administrator may switch remote read off, and another server may take the
// place of the one behind the URL.
func TestARoadThatIsLostIsLookedForAgain(t *testing.T) {
	t.Parallel()
	matrices := toSomebody(t, matrix(results()), matrix(results(`{"metric":{"__name__":"up"},"values":[[0.05,"1"]]}`)))
	lined := toSomebody(t, lines(""), lines(`{"metric":{"__name__":"up"},"values":[1],"timestamps":[50]}`))
	one := toSomebody(t, stream(), stream(frame(t, part(labels("__name__", "up"), chunk(t, samples(50, 1)...)))))
	for name, tc := range map[string]struct {
		before, after *ways
		auto          bool
		road          string
		series        int
		err           error
		requests      int32 // after the change
	}{
		"remote read is switched off": {
			before: &ways{read: one, query: matrices}, after: &ways{query: matrices},
			auto: true, road: "json", series: 1, requests: 5, // the read, three roads, the read
		},
		"VictoriaMetrics takes Prometheus' place": {
			before: &ways{read: one},
			after:  &ways{read: refuse(400, "unsupported path requested"), export: lined},
			auto:   true, road: "export", series: 1, requests: 4,
		},
		"the road stands and the read is refused": {
			before: &ways{read: one}, after: &ways{read: toSomebody(t, stream(), refuse(400, "bad matcher"))},
			auto: true, road: "remote_read", err: series.Rejected, requests: 2,
		},
		"no road is left": {
			before: &ways{read: one}, after: &ways{},
			auto: true, err: series.Rejected, requests: 4,
		},
		"the server is down for a while": {
			before: &ways{read: one}, after: &ways{read: refuse(500, "boom"), query: matrices},
			auto: true, road: "remote_read", err: series.Failed, requests: 3,
		},
		"the configuration names the road": {
			before: &ways{read: one}, after: &ways{query: matrices},
			road: "remote_read", err: series.Rejected, requests: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var now atomic.Pointer[ways]
			now.Store(tc.before)
			cfg := prom.Config{Road: "remote_read", URL: serve(t, func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) })}
			if tc.auto {
				cfg.Road = "auto"
			}
			c := client(t, cfg)
			if _, err := collect(t, c, between(0, 100)); err != nil {
				t.Fatal(err)
			}
			now.Store(tc.after)
			got, err := collect(t, c, between(0, 100))
			if tc.err == nil && err != nil || !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if c.Road() != tc.road || len(got) != tc.series {
				t.Errorf("road %q and %d series, want %q and %d", c.Road(), len(got), tc.road, tc.series)
			}
			if n := tc.after.requests.Load(); n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
		})
	}
}

// toSomebody answers a question for the series of nobody, with which a road is
// found, with one handler and others with another.
func toSomebody(tb testing.TB, nobody, somebody http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		question := r.FormValue("query") + r.FormValue("match[]")
		if r.URL.Path == "/api/v1/read" {
			question = asked(tb, r).String()
		}
		if strings.Contains(question, "gputally_no_such_metric") {
			nobody(w, r)
			return
		}
		somebody(w, r)
	}
}
