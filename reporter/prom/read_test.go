package prom_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/reporter/prom"
)

func TestReadYieldsWholeSeries(t *testing.T) {
	t.Parallel()
	a := labels("__name__", "seconds", "uuid", "GPU-a")
	b := labels("__name__", "seconds", "uuid", "GPU-b")
	for name, tc := range map[string]struct {
		frames [][]byte
		want   []series.Series
	}{
		"an empty answer has no series": {},
		"a series in one frame": {
			frames: [][]byte{frame(t, part(a, chunk(t, samples(100, 1, 200, 2)...)))},
			want:   []series.Series{{Labels: a, Samples: samples(100, 1, 200, 2)}},
		},
		"a series over several frames is one": {
			frames: [][]byte{
				frame(t, part(a, chunk(t, samples(100, 1, 200, 2)...))),
				frame(t, part(a, chunk(t, samples(300, 3)...), chunk(t, samples(400, 4)...))),
				frame(t, part(b, chunk(t, samples(100, 7)...))),
			},
			want: []series.Series{
				{Labels: a, Samples: samples(100, 1, 200, 2, 300, 3, 400, 4)},
				{Labels: b, Samples: samples(100, 7)},
			},
		},
		"several series in one frame": {
			frames: [][]byte{frame(t, part(a, chunk(t, samples(100, 1)...)), part(b, chunk(t, samples(100, 7)...)))},
			want:   []series.Series{{Labels: a, Samples: samples(100, 1)}, {Labels: b, Samples: samples(100, 7)}},
		},
		"samples at both ends of the range belong to it and others don't": {
			frames: [][]byte{frame(t, part(a, chunk(t, samples(99, 1, 100, 2, 1000, 3, 1001, 4)...)))},
			want:   []series.Series{{Labels: a, Samples: samples(100, 2, 1000, 3)}},
		},
		"a series without samples in the range is left out": {
			frames: [][]byte{frame(t, part(a, chunk(t, samples(50, 1, 1050, 2)...)), part(b, chunk(t, samples(100, 7)...)))},
			want:   []series.Series{{Labels: b, Samples: samples(100, 7)}},
		},
		"staleness markers come beside the samples": {
			frames: [][]byte{frame(t, part(a, chunk(t, samples(50, staleMarker, 100, 1, 200, staleMarker, 300, 0, 400, staleMarker)...)))},
			want:   []series.Series{{Labels: a, Samples: samples(100, 1, 300, 0), Stale: []int64{200, 400}}},
		},
		"a series with nothing but a staleness marker is told": {
			frames: [][]byte{frame(t, part(a, chunk(t, samples(100, staleMarker)...)))},
			want:   []series.Series{{Labels: a, Stale: []int64{100}}},
		},
		"chunks that overlap are merged": {
			frames: [][]byte{
				frame(t, part(a, chunk(t, samples(100, 1, 300, 3)...))),
				frame(t, part(a, chunk(t, samples(200, 2, 300, 3, 400, 4)...))),
			},
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 200, 2, 300, 3, 400, 4)}},
		},
		"a label set that comes twice is one series, and a sample goes before a marker": {
			frames: [][]byte{
				frame(t, part(a, chunk(t, samples(100, 1, 200, staleMarker, 300, staleMarker)...))),
				frame(t, part(a, chunk(t, samples(100, 1, 200, 2, 300, staleMarker)...))),
			},
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 200, 2), Stale: []int64{300}}},
		},
		"labels come sorted and without empty ones": {
			frames: [][]byte{frame(t, part(labels("uuid", "GPU-a", "empty", "", "__name__", "seconds"), chunk(t, samples(100, 1)...)))},
			want:   []series.Series{{Labels: a, Samples: samples(100, 1)}},
		},
		"chunks of both encodings of plain samples": {
			frames: [][]byte{frame(t, part(a,
				chunkAs(t, chunkenc.NewXOR2Chunk(), samples(100, 1, 200, staleMarker)...),
				chunk(t, samples(300, 3)...),
				chunkAs(t, chunkenc.NewXOR2Chunk(), samples(400, 4)...)))},
			want: []series.Series{{Labels: a, Samples: samples(100, 1, 300, 3, 400, 4), Stale: []int64{200}}},
		},
		"a label added or removed in the middle does not mix up the others": {
			frames: [][]byte{frame(t,
				part(labels("__name__", "seconds", "b", "1", "c", "2", "d", "3"), chunk(t, samples(100, 1)...)),
				part(labels("__name__", "seconds", "c", "2", "d", "4"), chunk(t, samples(100, 1)...)),
				part(labels("__name__", "seconds", "a", "1", "b", "1", "c", "2", "d", "4", "e", "5"), chunk(t, samples(100, 1)...)))},
			want: []series.Series{
				{Labels: labels("__name__", "seconds", "b", "1", "c", "2", "d", "3"), Samples: samples(100, 1)},
				{Labels: labels("__name__", "seconds", "c", "2", "d", "4"), Samples: samples(100, 1)},
				{Labels: labels("__name__", "seconds", "a", "1", "b", "1", "c", "2", "d", "4", "e", "5"), Samples: samples(100, 1)},
			},
		},
		"a message with fields of later versions": {
			frames: [][]byte{append([]byte(nil), rawFrame([]byte{0x10, 0x00, 0x7d, 1, 2, 3, 4, 0x82, 0x01, 0x01, 'x'})...)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(t, client(t, prom.Config{URL: serve(t, stream(tc.frames...))}), between(100, 1000))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadAsksForWhatTheQuerySays(t *testing.T) {
	t.Parallel()
	var got *prompb.ReadRequest
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = asked(t, r)
		if r.Method != http.MethodPost || r.URL.Path != "/prefix/api/v1/read" {
			t.Errorf("request is %s %s", r.Method, r.URL.Path)
		}
		user, password, _ := r.BasicAuth()
		for header, want := range map[string]string{
			"Content-Encoding":                 "snappy",
			"Content-Type":                     "application/x-protobuf",
			"X-Prometheus-Remote-Read-Version": "0.1.0",
			"X-Scope-Orgid":                    "tenant",
			"User-Agent":                       "gputally-reporter",
		} {
			if r.Header.Get(header) != want {
				t.Errorf("%s: %q, want %q", header, r.Header.Get(header), want)
			}
		}
		if user != "reader" || password != "secret" {
			t.Errorf("credentials %q %q", user, password)
		}
		stream()(w, r)
	})
	c := client(t, prom.Config{
		URL: base + "/prefix/",
		HTTP: config.HTTPClientConfig{
			BasicAuth:   &config.BasicAuth{Username: "reader", Password: "secret"},
			HTTPHeaders: &config.Headers{Headers: map[string]config.Header{"X-Scope-OrgID": {Values: []string{"tenant"}}}},
		},
		Selector: []series.Matcher{{Name: "cluster", Op: series.NotEqual, Value: "test"}},
	})
	q := series.Query{
		From: time.UnixMilli(1000).Add(time.Nanosecond),
		To:   time.UnixMilli(2000).Add(time.Millisecond - 1),
		Matchers: []series.Matcher{
			{Name: "__name__", Op: series.Match, Value: "a|b"},
			{Name: "uuid", Op: series.NotMatch, Value: "GPU-0.*"},
			{Name: "job", Value: "gputally"},
		},
	}
	if _, err := collect(t, c, q); err != nil {
		t.Fatal(err)
	}
	want := &prompb.ReadRequest{
		AcceptedResponseTypes: []prompb.ReadRequest_ResponseType{prompb.ReadRequest_STREAMED_XOR_CHUNKS},
		Queries: []*prompb.Query{{
			StartTimestampMs: 1001,
			EndTimestampMs:   2000,
			Matchers: []*prompb.LabelMatcher{
				{Type: prompb.LabelMatcher_RE, Name: "__name__", Value: "a|b"},
				{Type: prompb.LabelMatcher_NRE, Name: "uuid", Value: "GPU-0.*"},
				{Type: prompb.LabelMatcher_EQ, Name: "job", Value: "gputally"},
				{Type: prompb.LabelMatcher_NEQ, Name: "cluster", Value: "test"},
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestReadPassesOnTheErrorOfItsCaller(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	answer := stream(
		frame(t, part(labels("__name__", "seconds", "uuid", "a"), chunk(t, samples(100, 1)...))),
		frame(t, part(labels("__name__", "seconds", "uuid", "b"), chunk(t, samples(100, 1)...))))
	c := client(t, prom.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		answer(w, r)
	})})
	// An error that would be tried again if it came from this server.
	mine := &prom.Error{URL: "http://elsewhere", Kind: series.Unreachable}
	calls := 0
	err := c.Read(t.Context(), between(0, 1000), func(series.Series) error {
		calls++
		return mine
	})
	if !errors.Is(err, mine) || mine.URL != "http://elsewhere" {
		t.Errorf("error %v, want the caller's own", err)
	}
	if calls != 1 || requests.Load() != 1 {
		t.Errorf("%d calls in %d requests, want one of each", calls, requests.Load())
	}
}

func TestReadRefusesQueriesWithoutSense(t *testing.T) {
	t.Parallel()
	c := client(t, prom.Config{URL: "http://127.0.0.1:1"})
	for name, q := range map[string]series.Query{
		"no matcher":           {From: time.UnixMilli(0), To: time.UnixMilli(1)},
		"a range of less than": between(2, 1),
		"an unknown operator": {
			From: time.UnixMilli(0), To: time.UnixMilli(1),
			Matchers: []series.Matcher{{Name: "a", Op: 17, Value: "b"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e *prom.Error
			if _, err := collect(t, c, q); err == nil || errors.As(err, &e) {
				t.Errorf("error %v, want one that is not the server's", err)
			}
		})
	}
}

func TestReadSendsNoMoreRequestsAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	entered, leave := make(chan struct{}, 8), make(chan struct{})
	c := client(t, prom.Config{MaxConcurrent: 3, URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		entered <- struct{}{}
		<-leave
		now.Add(-1)
		stream()(w, r)
	})})
	done := make(chan error)
	for range 8 {
		go func() { done <- c.Read(t.Context(), between(0, 1), func(series.Series) error { return nil }) }()
	}
	for range 3 { // three get in together
		<-entered
	}
	close(leave)
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d requests at once, want 3", most.Load())
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := client(t, prom.Config{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", streamType)
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})})
	err := c.Read(ctx, between(0, 1), func(series.Series) error { return nil })
	var e *prom.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestNewRefusesBadSettingsAndKeepsSecrets(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]prom.Config{
		"no URL":                     {},
		"no scheme":                  {URL: "prometheus:9090"},
		"another scheme":             {URL: "ftp://u:hidden@prometheus"},
		"no host":                    {URL: "http:///prometheus"},
		"a query":                    {URL: "http://u:hidden@prometheus/?a=b"},
		"a URL that doesn't parse":   {URL: "http://u:hidden@prometheus:port/"},
		"negative limits":            {URL: "http://prometheus", MaxConcurrent: -1},
		"two kinds of credentials":   {URL: "http://u:hidden@prometheus", HTTP: config.HTTPClientConfig{BearerToken: "hidden", BearerTokenFile: "f"}},
		"certificates that are gone": {URL: "http://u:hidden@prometheus", HTTP: config.HTTPClientConfig{TLSConfig: config.TLSConfig{CAFile: "/does/not/exist"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := prom.New(cfg)
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestErrorsDontTellTheCredentialsInTheURL(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "hidden" {
			t.Errorf("password %q did not reach the server", password)
		}
		http.Error(w, "no", http.StatusForbidden)
	}))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("reader", "hidden")
	for name, target := range map[string]string{
		"a server that answers":     u.String(),
		"a server that isn't there": "http://reader:hidden@127.0.0.1:1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := collect(t, client(t, prom.Config{URL: target}), between(0, 1))
			var e *prom.Error
			if !errors.As(err, &e) || !strings.HasSuffix(e.URL, "/api/v1/read") {
				t.Fatalf("error %v, want one with a URL", err)
			}
			if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "reader") {
				t.Errorf("the error tells the credentials: %v", err)
			}
		})
	}
}
