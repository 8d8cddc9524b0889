//go:build real

package reporter_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
)

const exportPath = "/api/v1/export" // of VictoriaMetrics

// fault is what happens to one answer of a server.
type fault struct {
	read string    // a name of series that only this read asks for
	hour time.Time // the begin of the hour whose read it is
	// label and pattern are one more condition that the series must meet: the
	// server answers, and lacks the others.
	label, pattern string
	// cut and shift change the time of which it has samples: it ends earlier by cut,
	// and all of it is earlier by shift.
	cut, shift time.Duration
	late       bool // the answer comes after the client has given up
	always     bool // not only the first answer is like that, but all until mend
}

// faulty is a server in front of a Prometheus that answers one request faultily,
// and all others as they are. It also answers as VictoriaMetrics does.
type faulty struct {
	fault
	server   string // URL of the other
	forward  *httputil.ReverseProxy
	happened atomic.Bool
	mended   atomic.Bool
}

// mend ends the fault.
func (p *faulty) mend() { p.mended.Store(true) }

func newFaulty(t *testing.T, server string, f fault) (*faulty, string) {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &faulty{fault: f, server: server, forward: httputil.NewSingleHostReverseProxy(target)}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, s.URL
}

func (p *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q, err := parseQuestion(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if q != nil && q.asks(p.fault) && (!p.happened.Swap(true) || p.always && !p.mended.Load()) {
		if p.late {
			<-r.Context().Done()
			return
		}
		body = q.narrowed(p.fault)
	}
	if r.URL.Path == exportPath {
		if err := export(w, p.server, body); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	p.forward.ServeHTTP(w, r)
}

// question is a request for raw samples.
type question struct {
	names string // as it asks for them
	to    time.Time
	// narrowed is the body that asks for what a faulty answer has.
	narrowed func(f fault) []byte
}

// asks tells whether it is the read of an hour: it ends up to five minutes after
// the hour.
func (q *question) asks(f fault) bool {
	after := q.to.Sub(f.hour.Add(time.Hour))
	return strings.Contains(q.names, f.read) && after > -time.Minute && after < 10*time.Minute
}

// parseQuestion returns nil for a request that is for something else.
func parseQuestion(r *http.Request, body []byte) (*question, error) {
	switch r.URL.Path {
	case "/api/v1/query":
		return parseJSON(body)
	case "/api/v1/read":
		return parseRead(body)
	case exportPath:
		return parseExport(body)
	}
	return nil, nil
}

func parseJSON(body []byte) (*question, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	query := form.Get("query")
	end := strings.LastIndex(query, "}[")
	if end < 0 {
		return nil, nil
	}
	at, err := strconv.ParseFloat(form.Get("time"), 64)
	if err != nil {
		return nil, err
	}
	to := time.UnixMilli(int64(at * 1000))
	return &question{names: query, to: to, narrowed: func(f fault) []byte {
		length, err := model.ParseDuration(strings.TrimSuffix(query[end+len("}["):], "]"))
		if err != nil {
			panic(err) // the server would refuse it, too
		}
		form.Set("query", fmt.Sprintf("%s%s}[%dms]", query[:end], f.condition(), (time.Duration(length)-f.cut).Milliseconds()))
		form.Set("time", fmt.Sprintf("%.3f", float64(to.Add(-f.cut-f.shift).UnixMilli())/1000))
		return []byte(form.Encode())
	}}, nil
}

// condition is that of the fault, as one more of a selector.
func (f fault) condition() string {
	if f.label == "" {
		return ""
	}
	return fmt.Sprintf(",%s=~%q", f.label, f.pattern)
}

func parseRead(body []byte) (*question, error) {
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	var req prompb.ReadRequest
	if err := req.Unmarshal(raw); err != nil {
		return nil, err
	}
	query := req.Queries[0]
	q := &question{to: time.UnixMilli(query.EndTimestampMs)}
	for _, m := range query.Matchers {
		if m.Name == "__name__" {
			q.names = m.Value
		}
	}
	q.narrowed = func(f fault) []byte {
		if f.label != "" {
			query.Matchers = append(query.Matchers, &prompb.LabelMatcher{Type: prompb.LabelMatcher_RE, Name: f.label, Value: f.pattern})
		}
		query.StartTimestampMs -= f.shift.Milliseconds()
		query.EndTimestampMs -= (f.cut + f.shift).Milliseconds()
		raw, err := req.Marshal()
		if err != nil {
			panic(err) // it was unmarshaled above
		}
		return snappy.Encode(nil, raw)
	}
	return q, nil
}
