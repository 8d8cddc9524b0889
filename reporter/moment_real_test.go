//go:build real

package reporter_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// moment is when something happens to the one who asks a server.
type moment string

const (
	before moment = "before"  // the server hears of the request
	inside moment = "inside"  // the body of the request
	after  moment = "after"   // the server has done it, and before its answer arrives
	lost   moment = "losing"  // the same, and the answer never arrives
	never  moment = "nothing" // happens
)

// moments is an S3 server in front of another one that counts requests and does
// something at a moment of one of them.
type moments struct {
	URL string

	at   int // the request, from 1
	when moment
	act  func() // what happens

	forward *httputil.ReverseProxy
	mu      sync.Mutex
	methods []string // of the requests so far
}

func newMoments(t *testing.T, at int, when moment, act func()) *moments {
	t.Helper()
	target, err := url.Parse(shared.s3.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	m := &moments{at: at, when: when, act: act, forward: &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }, // the host is signed
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	m.URL = s.URL
	return m
}

// asked are the methods of the requests so far.
func (m *moments) asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.methods
}

func (m *moments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.methods = append(m.methods, r.Method)
	now := len(m.methods) == m.at
	m.mu.Unlock()
	if !now || m.when == never {
		m.forward.ServeHTTP(w, r)
		return
	}
	switch m.when {
	case before:
		m.act()
		m.forward.ServeHTTP(w, r)
	case inside:
		r.Body = &halfBody{of: r.Body, left: r.ContentLength / 2, then: m.act}
		m.forward.ServeHTTP(w, r)
	case after, lost, never:
		answer := httptest.NewRecorder()
		m.forward.ServeHTTP(answer, r)
		m.act()
		if m.when == lost {
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
	}
}

// halfBody is a body that breaks off in the middle.
type halfBody struct {
	of   io.ReadCloser
	left int64
	then func()
}

func (h *halfBody) Read(p []byte) (int, error) {
	if h.left <= 0 {
		h.then()
		return 0, errors.New("the body broke off")
	}
	n, err := h.of.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	return n, err
}

func (h *halfBody) Close() error { return h.of.Close() }
