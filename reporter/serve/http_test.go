package serve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gputally/gputally/internal/webservertest"
)

func TestAnswersAreNothingForScriptsAndFrames(t *testing.T) {
	t.Parallel()
	h := newReplica(t, closed(t, instant("2026-11-20T01:30:00Z")), instant("2026-11-20T01:30:00Z")).server.Handler()
	for _, path := range []string{"/", "/metrics", "/nowhere", "/healthz"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		webservertest.Headers(t, w.Header())
	}
}

// slow is a collector that takes until it may go on.
type slow struct{ begun, goOn chan struct{} }

func (slow) Describe(ch chan<- *prometheus.Desc) { ch <- prometheus.NewDesc("slow", "Slow.", nil, nil) }

func (s slow) Collect(chan<- prometheus.Metric) {
	s.begun <- struct{}{}
	<-s.goOn
}

func TestScrapesAtOneTimeAreLimited(t *testing.T) {
	t.Parallel()
	const most = 40
	r := newReplica(t, closed(t, instant("2026-11-20T01:30:00Z")), instant("2026-11-20T01:30:00Z"))
	collector := slow{make(chan struct{}), make(chan struct{})}
	r.metrics.MustRegister(collector)
	h := r.server.Handler()
	status := func(kind string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", kind)
		h.ServeHTTP(w, r)
		return w.Code
	}
	answered := make(chan int)
	for i := range most {
		go func() { answered <- status(fmt.Sprintf("text/plain;kind=%d", i)) }()
	}
	for range most {
		<-collector.begun
	}
	if got := status("text/plain;kind=more"); got != http.StatusServiceUnavailable {
		t.Errorf("one more got status %d", got)
	}
	close(collector.goOn)
	for range most {
		if got := <-answered; got != http.StatusOK {
			t.Errorf("status %d", got)
		}
	}
}
