//go:build real

package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/faultproxy"
)

// says answers with a text in the way of Prometheus' API.
func says(status int, text string) faultproxy.Play {
	return faultproxy.Answer(status, http.Header{"Content-Type": {"application/json"}}, text)
}

// tooMuch answers that the client should come back later.
func tooMuch(status int, after string) faultproxy.Play {
	return faultproxy.Answer(status, http.Header{"Retry-After": {after}}, "too busy")
}

// fails is an error of Prometheus' API.
func fails(text string) string {
	return fmt.Sprintf(`{"status":"error","errorType":"execution","error":%q}`, text)
}

// Requests by what they are for. The first read is the question what the server can.
var (
	read  = to(http.MethodPost, "/api/v1/read")
	query = to(http.MethodPost, "/api/v1/query")
)

// repeats says all that it was asked with, as proxies for debugging do.
func repeats(e *faultproxy.Exchange) {
	var all strings.Builder
	_ = e.R.Header.Write(&all)
	faultproxy.Answer(http.StatusForbidden, nil, all.String())(e)
}

// warns puts a warning into an answer, which lacks nothing else.
func warns(_ *http.Response, body []byte) []byte {
	return []byte(strings.Replace(string(body), `{"status":"success"`, `{"warnings":["a store did not answer"],"status":"success"`, 1))
}

// typed gives an answer another type.
func typed(contentType string) faultproxy.Play {
	return faultproxy.Change(func(resp *http.Response, body []byte) []byte {
		resp.Header.Set("Content-Type", contentType)
		return body
	})
}

const withPassword = ", http: {authorization: {credentials: " + password + "}, http_headers: {X-Api-Key: {secrets: [" + password + "]}}}"

// Whatever happens to the answers of Prometheus, nothing in the bucket ever differs from
// what it would have been; and once it is over, nothing lacks.
func TestFaultsOfPrometheus(t *testing.T) {
	t.Parallel()
	other := start(t, "http://192.0.2.1") // nobody may ask it
	away := func(e *faultproxy.Exchange) {
		faultproxy.Answer(http.StatusTemporaryRedirect, http.Header{"Location": {other.URL + e.R.URL.Path}}, "")(e)
	}
	for name, tt := range map[string]struct {
		road  string // "": remote_read
		more  string // keys of prometheus
		fault faultproxy.Fault
		code  int
		says  []string // in the log
		most  int      // faults that may happen, 0: any number
	}{
		"the connection is reset":                 {"", "", faultproxy.Fault{On: read, Skip: 1, Times: 2, Play: faultproxy.Reset}, exitOK, []string{"Asking the metrics server again"}, 0},
		"the connection is always reset":          {"", "", faultproxy.Fault{Play: faultproxy.Reset}, exitSource, []string{"unreachable", "check the URL"}, 0},
		"the answer is lost":                      {"", "", faultproxy.Fault{On: read, Skip: 2, Times: 1, Play: faultproxy.LoseAnswer}, exitOK, nil, 0},
		"the answer is reset in the middle":       {"", "", faultproxy.Fault{On: read, Skip: 3, Times: 1, Play: faultproxy.Cut(500, true)}, exitOK, nil, 0},
		"the answer is cut":                       {"", "", faultproxy.Fault{On: read, Skip: 3, Times: 2, Play: faultproxy.Cut(500, false)}, exitOK, nil, 0},
		"the answer of JSON is cut":               {"json", "", faultproxy.Fault{On: query, Skip: 3, Times: 2, Play: faultproxy.Cut(500, false)}, exitOK, nil, 0},
		"it hangs at the first question":          {"", "", faultproxy.Fault{Play: faultproxy.Hang}, exitSource, []string{"unreachable", "answers nothing"}, 0},
		"it hangs in the middle of the work":      {"", "", faultproxy.Fault{On: read, Skip: 3, Times: 1, Play: faultproxy.Hang}, exitOK, nil, 0},
		"the answer stalls":                       {"", "", faultproxy.Fault{On: read, Skip: 3, Times: 1, Play: faultproxy.Stall(500)}, exitOK, nil, 0},
		"the answer of JSON stalls":               {"json", "", faultproxy.Fault{On: query, Skip: 3, Times: 1, Play: faultproxy.Stall(500)}, exitOK, nil, 0},
		"the line is slow":                        {"", "", faultproxy.Fault{Play: faultproxy.Trickle(5, 10*time.Millisecond)}, exitOK, nil, 0},
		"the server is far away":                  {"", "", faultproxy.Fault{Play: faultproxy.Delay(30 * time.Millisecond)}, exitOK, nil, 0},
		"it refuses the request":                  {"", "", faultproxy.Fault{On: read, Play: says(400, fails("bad matcher"))}, exitSource, []string{"HTTP 400", "bad matcher"}, 0},
		"a piece is above a limit":                {"", "", faultproxy.Fault{On: read, Skip: 3, Times: 1, Play: says(422, fails("exceeded sample limit (1)"))}, exitOK, nil, 1},
		"every piece is above a limit":            {"", "", faultproxy.Fault{On: read, Play: says(422, fails("exceeded sample limit (1)"))}, exitSource, []string{"limit", "raise the server's limit"}, 0},
		"it has too many requests for a second":   {"", "", faultproxy.Fault{On: read, Skip: 2, Times: 1, Play: tooMuch(429, "1")}, exitOK, nil, 1},
		"it asks to be left alone":                {"", "", faultproxy.Fault{On: read, Play: tooMuch(503, "3600")}, exitSource, []string{"overloaded", "HTTP 503"}, 1},
		"it has too many requests":                {"", "", faultproxy.Fault{On: read, Play: tooMuch(429, "3600")}, exitSource, []string{"overloaded", "HTTP 429"}, 1},
		"it asks to be left alone in the middle":  {"", "", faultproxy.Fault{On: read, Skip: 9, Play: tooMuch(503, "3600")}, exitSource, []string{"overloaded", "HTTP 503"}, 1},
		"it fails now and then":                   {"", "", faultproxy.Fault{On: read, Skip: 1, Times: 2, Play: says(500, fails("disk error"))}, exitOK, nil, 0},
		"it always fails":                         {"", "", faultproxy.Fault{On: read, Play: says(500, fails("disk error"))}, exitSource, []string{"HTTP 500", "disk error", "see the server's log"}, 0},
		"a proxy says 502":                        {"", "", faultproxy.Fault{On: read, Skip: 2, Times: 1, Play: faultproxy.Answer(502, nil, "<html>Bad Gateway</html>")}, exitOK, nil, 0},
		"a proxy always says 502":                 {"", "", faultproxy.Fault{Play: faultproxy.Answer(502, nil, "<html>Bad Gateway</html>")}, exitSource, []string{"HTTP 502", "Bad Gateway"}, 0},
		"an error under 200":                      {"json", "", faultproxy.Fault{On: query, Play: says(200, fails("query timed out"))}, exitSource, []string{"query timed out"}, 0},
		"an error under 200 for once":             {"json", "", faultproxy.Fault{On: query, Skip: 2, Times: 1, Play: says(200, fails("internal error"))}, exitOK, nil, 0},
		"an error under 200 in place of a stream": {"", "", faultproxy.Fault{On: read, Play: says(200, fails("internal error"))}, exitSource, []string{"protocol"}, 0},
		"a warning":                               {"json", "", faultproxy.Fault{On: query, Play: faultproxy.Change(warns)}, exitSource, []string{"partial", "a store did not answer"}, 0},
		"a warning for once":                      {"json", "", faultproxy.Fault{On: query, Skip: 2, Times: 1, Play: faultproxy.Change(warns)}, exitOK, nil, 0},
		"an answer of another type":               {"", "", faultproxy.Fault{On: read, Play: typed("application/x-protobuf")}, exitSource, []string{"protocol"}, 0},
		"an answer of JSON of another type":       {"json", "", faultproxy.Fault{On: query, Play: typed("text/html")}, exitSource, []string{"protocol", "text/html"}, 0},
		"other bytes":                             {"", "", faultproxy.Fault{On: read, Skip: 1, Play: faultproxy.Change(flip)}, exitSource, []string{"protocol"}, 0},
		"a portal wants people to log in":         {"auto", "", faultproxy.Fault{Play: faultproxy.Answer(200, http.Header{"Content-Type": {"text/html"}}, "<html>log in</html>")}, exitSource, []string{"no way to read"}, 0},
		"nothing":                                 {"", "", faultproxy.Fault{On: read, Play: faultproxy.Change(empty)}, exitSource, []string{"no samples"}, 0},
		"a redirect to another host":              {"", withPassword, faultproxy.Fault{Play: away}, exitSource, []string{"redirects elsewhere", other.URL, "not followed"}, 0},
		"a server that repeats its request":       {"", withPassword, faultproxy.Fault{Play: repeats}, exitSource, []string{"HTTP 403", "<hidden>", "check the credentials"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, shared.prometheus.URL)
			b := newBooks(t, setup{prometheus: p.URL, road: tt.road, more: tt.more})
			p.Set(tt.fault)
			b.run(t, closes()...).is(t, tt.code, tt.says)
			if n := p.Happened(); n == 0 || tt.most > 0 && n > tt.most {
				t.Errorf("the fault happened %d times", n)
			}
			arePartOf(t, b.objects(t), expected(t, tt.road))
			p.Set()
			b.endsWell(t, tt.road)
		})
	}
	t.Cleanup(func() {
		if n := len(other.Asked()); n > 0 {
			t.Errorf("another host was asked %d times", n)
		}
	})
}
