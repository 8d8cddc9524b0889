package prom

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gputally/gputally/reporter/series"
)

// instant is the road of JSON: an instant query for a range of raw samples.
type instant struct{}

func (instant) name() string { return "json" }

func (instant) read(ctx context.Context, s *server, r request, yield func(series.Series) error) error {
	form := url.Values{
		// The range is open to the left in Prometheus 3 and closed before it. One
		// millisecond more is asked for, which the decoder cuts off again.
		"query": {fmt.Sprintf("%s[%dms]", selector(r.matchers), r.to-r.from+1)},
		"time":  {seconds(r.to)},
		// Thanos: all stores or none, raw samples, and each replica as it is.
		"partial_response":      {"false"},
		"max_source_resolution": {"0s"},
		"dedup":                 {"false"},
		denyPartial:             {"1"},
	}
	return s.exchange(ctx, formCall("api/v1/query", form), func(resp *http.Response) error {
		// VictoriaMetrics sends the second for raw samples.
		if err := typed(resp.Header, "application/json", "application/stream+json"); err != nil {
			return err
		}
		return decodeMatrix(resp.Body, r, yield)
	})
}

// denyPartial tells a cluster of VictoriaMetrics to answer from all its storages
// or not at all.
const denyPartial = "deny_partial_response"

// formCall posts a form: a selector may be longer than a URL.
func formCall(path string, form url.Values) call {
	return call{path: path, body: []byte(form.Encode()), header: http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
	}}
}

// seconds writes Unix milliseconds as Unix seconds.
func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) }

// decodeMatrix yields the series of the answer to an instant query for a range.
func decodeMatrix(body io.Reader, r request, yield func(series.Series) error) error {
	in := newScanner(body)
	m := &matrix{in: in, series: lineSeries{in: in, points: points{from: r.from, to: r.to}, yield: yield}}
	if err := in.object(m.field); err != nil {
		return err
	}
	if end, err := in.atEnd(); err != nil {
		return err
	} else if !end {
		return in.unexpected("end")
	}
	return m.verdict()
}

// matrix is an answer of the JSON API that has series.
type matrix struct {
	in     *scanner
	series lineSeries

	status, message string
	kind            string // of the result
	result          bool   // there was one
	warnings        []string
}

// field takes a field of the answer.
func (m *matrix) field(key []byte) error {
	switch string(key) {
	case "status":
		return m.text(&m.status)
	case "error":
		return m.text(&m.message)
	case "data":
		if c, err := m.in.next(); err != nil {
			return err
		} else if c != '{' { // an answer that failed may have none
			return m.in.skip()
		}
		return m.in.object(m.data)
	case "warnings":
		return m.notes(func(string) bool { return true })
	case "infos":
		return m.notes(func(text string) bool { return speaksOf(text, "partial") })
	case "isPartial": // VictoriaMetrics
		word, err := m.in.word()
		if err == nil && string(word) == "true" {
			m.warnings = append(m.warnings, "isPartial")
		}
		return err
	}
	return m.in.skip()
}

// data takes a field of the answer's data.
func (m *matrix) data(key []byte) error {
	switch string(key) {
	case "resultType":
		return m.text(&m.kind)
	case "result":
		if m.result {
			return garbled("answer with two results")
		}
		m.result = true
		if m.kind != "" && m.kind != "matrix" {
			return garbled("asked for raw samples, the server sends a %s", m.kind)
		}
		return m.in.array(m.series.pairs)
	}
	return m.in.skip()
}

// text takes a string, or nothing for null.
func (m *matrix) text(into *string) error {
	if c, err := m.in.next(); err != nil {
		return err
	} else if c != '"' {
		return m.in.skip()
	}
	text, err := m.in.string()
	*into = kept(text)
	return err
}

// notes takes a list of texts, or nothing for null, and keeps those that tell
// of missing data.
func (m *matrix) notes(missing func(text string) bool) error {
	if c, err := m.in.next(); err != nil {
		return err
	} else if c != '[' {
		return m.in.skip()
	}
	return m.in.array(func() error {
		var text string
		if err := m.text(&text); err != nil {
			return err
		}
		if missing(text) {
			m.warnings = append(m.warnings, text)
		}
		return nil
	})
}

// verdict tells whether the answer is a whole one.
func (m *matrix) verdict() error {
	switch {
	case m.status == "error":
		kind := kindOf(http.StatusOK, m.message)
		return &Error{Kind: kind, Message: m.message, retry: kind == series.Failed || kind == series.Partial}
	case m.status != "success" || !m.result:
		return garbled("answer is not of the Prometheus API: status %q", m.status)
	case m.kind != "matrix":
		return garbled("asked for raw samples, the server sends a %q", m.kind)
	case len(m.warnings) > 0:
		return partial(strings.Join(m.warnings, "; "))
	}
	return nil
}

// partial is the Error of an answer that lacks a part of the data.
func partial(text string) *Error {
	return &Error{Kind: series.Partial, Message: text, retry: true}
}
