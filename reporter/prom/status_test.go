package prom_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/prom"
)

// fakeAPI answers by path, and 404 for others.
type fakeAPI map[string]http.HandlerFunc

func (f fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := f[r.URL.Path]
	if !ok {
		h = http.NotFound
	}
	h(w, r)
}

// data answers with data of the JSON API.
func data(json string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"success","data":` + json + `}`))
	}
}

// Only over connections of its own is each question a Service's to send where
// it likes.
func TestTheSameIsAskedOverNewConnections(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000_000
	from := make(chan string, 100)
	server := fakeAPI{
		"/api/v1/query": data(`{"resultType":"scalar","result":[1800000000,"1800000000"]}`),
		"/api/v1/read": func(w http.ResponseWriter, r *http.Request) {
			if len(asked(t, r).Queries[0].Matchers) > 1 {
				from <- r.RemoteAddr
			}
			stream(frame(t, part(labels("__name__", "up", "job", "a"), chunk(t, samples(now-300_000, 1, now-200_000, 1, now-150_000, 1)...))))(w, r)
		},
	}
	st, err := client(t, prom.Config{URL: serve(t, server.ServeHTTP)}).Status(t.Context(), []string{"up"})
	if err != nil || st.Balanced {
		t.Errorf("balanced %v, error %v", st.Balanced, err)
	}
	close(from)
	ports := map[string]bool{}
	for port := range from {
		ports[port] = true
	}
	if len(ports) != 8 {
		t.Errorf("%d connections, want 8", len(ports))
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	const now = 1_800_000_000_000
	clock := data(`{"resultType":"scalar","result":[1800000000.25,"1800000000.25"]}`)
	at := time.UnixMilli(now + 250).UTC()
	three := stream(
		frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(now-60_000, 1, now-30_000, 2)...))),
		// One scrape is lost.
		frame(t, part(labels("__name__", "seconds", "uuid", "b"), chunk(t, samples(now-150_000, 1, now-135_000, 1, now-105_000, 2, now-90_000, 3)...))),
		frame(t, part(labels("__name__", "up", "job", "x"), chunk(t, samples(now-60_000, staleMarker)...))),
	)
	for name, tc := range map[string]struct {
		server fakeAPI
		want   prom.Status
		road   error // of Status.RoadErr
		err    error
	}{
		"a Prometheus tells all": {
			server: fakeAPI{
				"/api/v1/query":              clock,
				"/api/v1/status/buildinfo":   data(`{"version":"3.15.0","revision":""}`),
				"/api/v1/status/runtimeinfo": data(`{"storageRetention":"15d or 1GiB"}`),
				"/api/v1/read": func(w http.ResponseWriter, r *http.Request) {
					q := asked(t, r).Queries[0]
					if len(q.Matchers) > 1 { // one series, again and again
						if q.EndTimestampMs > now-60_000 || q.Matchers[1].Value != "b" {
							t.Errorf("query %v", q)
						}
						three(w, r)
						return
					}
					if q.EndTimestampMs != now+250 || q.StartTimestampMs != now+250-600_000 || q.Matchers[0].Value != "seconds|up|gone" {
						t.Errorf("query %v", q)
					}
					three(w, r)
				},
			},
			want: prom.Status{
				Time: at, Version: "3.15.0", Retention: "15d or 1GiB", Road: "remote_read",
				Families:       []prom.Family{{Name: "seconds", Series: 2}, {Name: "up"}, {Name: "gone"}},
				ScrapeInterval: 15 * time.Second,
			},
		},
		"two take turns": {
			server: fakeAPI{
				"/api/v1/query": clock,
				"/api/v1/read":  inTurn(three, three, three, stream(frame(t, part(labels("__name__", "seconds", "uuid", "b"), chunk(t, samples(now-151_000, 1)...))))),
			},
			want: prom.Status{
				Time: at, Road: "remote_read", Balanced: true,
				Families:       []prom.Family{{Name: "seconds", Series: 2}, {Name: "up"}, {Name: "gone"}},
				ScrapeInterval: 15 * time.Second,
			},
		},
		"an older one has its retention among the flags": {
			server: fakeAPI{
				"/api/v1/query":              clock,
				"/api/v1/status/runtimeinfo": data(`{}`),
				"/api/v1/status/flags":       data(`{"storage.tsdb.retention.time":"31d"}`),
				"/api/v1/read":               stream(),
			},
			want: prom.Status{
				Time: at, Retention: "31d", Road: "remote_read",
				Families: []prom.Family{{Name: "seconds"}, {Name: "up"}, {Name: "gone"}},
			},
		},
		"a server without remote read has no road": {
			server: fakeAPI{"/api/v1/query": clock},
			want:   prom.Status{Time: at},
			road:   series.Rejected,
		},
		"a server that doesn't stream has no road": {
			server: fakeAPI{"/api/v1/query": clock, "/api/v1/read": data("{}")},
			want:   prom.Status{Time: at},
			road:   prom.ErrNotStreamed,
		},
		"something else is no metrics server":  {server: fakeAPI{"/api/v1/query": stream([]byte("<html>"))}, err: series.Protocol},
		"another API is no metrics server":     {server: fakeAPI{"/api/v1/query": data(`"hello"`)}, err: series.Protocol},
		"a time that is none":                  {server: fakeAPI{"/api/v1/query": data(`{"result":[1,"now"]}`)}, err: series.Protocol},
		"nothing there":                        {server: fakeAPI{}, err: series.Rejected},
		"an API that fails under status 200":   {server: fakeAPI{"/api/v1/query": stream([]byte(`{"status":"error","error":"boom"}`))}, err: series.Failed},
		"a server that asks for credentials":   {server: fakeAPI{"/api/v1/query": refuse(401, "")}, err: series.Unauthorized},
		"credentials good for half the server": {server: fakeAPI{"/api/v1/query": clock, "/api/v1/read": refuse(403, "")}, err: series.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, prom.Config{URL: serve(t, tc.server.ServeHTTP)})
			got, err := c.Status(t.Context(), []string{"seconds", "up", "gone"})
			if tc.err == nil && err != nil || !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if tc.road == nil && got.RoadErr != nil || !errors.Is(got.RoadErr, tc.road) {
				t.Errorf("no road because of %v, want %v", got.RoadErr, tc.road)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(prom.Status{}, "RoadErr")); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}
