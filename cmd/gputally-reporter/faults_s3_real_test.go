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

// to picks requests by method and a part of the path or query.
func to(method, part string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return r.Method == method && strings.Contains(r.URL.Path+"?"+r.URL.RawQuery, part)
	}
}

// code is an error of S3.
func code(name string) string {
	return "<?xml version=\"1.0\"?><Error><Code>" + name + "</Code><Message>the proxy says so, of Authorization: AWS4 " + password + "</Message></Error>"
}

// refuses answers with an error of S3.
func refuses(status int, name string) faultproxy.Play {
	return faultproxy.Answer(status, http.Header{"Content-Type": {"application/xml"}}, code(name))
}

// busy answers that the client should come back later.
func busy(status int, after string) faultproxy.Play {
	return faultproxy.Answer(status, http.Header{"Content-Type": {"application/xml"}, "Retry-After": {after}}, code("SlowDown"))
}

// flip changes a bit in the middle of a body.
func flip(_ *http.Response, body []byte) []byte {
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	return body
}

func empty(*http.Response, []byte) []byte { return nil }

// Requests of a run by what they are for.
var (
	putHour     = to(http.MethodPut, "/hour=")
	getHour     = to(http.MethodGet, "/hour=")
	putIndex    = to(http.MethodPut, "/index/hours/")
	getIndex    = to(http.MethodGet, "/index/hours/")
	list        = to(http.MethodGet, "list-type=2")
	putReport   = to(http.MethodPut, "/report.csv")
	putManifest = to(http.MethodPut, "/manifest.json")
)

const (
	exitOK     = 0
	exitSource = 3
	exitBucket = 4
)

// Whatever happens to the bucket's answers, nothing in the bucket ever differs from
// what it would have been; and once it is over, nothing lacks.
func TestFaultsOfTheBucket(t *testing.T) {
	t.Parallel()
	const some = 2 // fewer than the tries of a request
	for name, tt := range map[string]struct {
		report bool // it happens to the report, after the hours were closed well
		fault  faultproxy.Fault
		code   int      // with which close or report ends
		says   []string // in the log
		most   int      // faults that may happen, 0: any number
	}{
		"the connection is reset before a put":        {false, faultproxy.Fault{On: putHour, Times: some, Play: faultproxy.Reset}, exitOK, nil, 0},
		"the connection is always reset":              {false, faultproxy.Fault{Play: faultproxy.Reset}, exitBucket, []string{"connection reset by peer", "check the endpoint"}, 0},
		"the answer to the put of an hour is lost":    {false, faultproxy.Fault{On: putHour, Times: 1, Play: faultproxy.LoseAnswer}, exitOK, nil, 0},
		"the answer to a put of the index is lost":    {false, faultproxy.Fault{On: putIndex, Times: 1, Play: faultproxy.LoseAnswer}, exitOK, nil, 0},
		"the answer to the put of a report is lost":   {true, faultproxy.Fault{On: putReport, Times: 1, Play: faultproxy.LoseAnswer}, exitOK, nil, 0},
		"the answer to the put of a manifest is lost": {true, faultproxy.Fault{On: putManifest, Times: 1, Play: faultproxy.LoseAnswer}, exitOK, nil, 0},
		"a put is done and a proxy says 502":          {false, faultproxy.Fault{On: putHour, Times: 1, Play: faultproxy.Mask(faultproxy.Answer(502, nil, "<html>"))}, exitOK, nil, 0},
		"a put is done and the answer hangs":          {false, faultproxy.Fault{On: putHour, Times: 1, Play: faultproxy.Mask(faultproxy.Hang)}, exitOK, nil, 0},
		"a get hangs":                                 {false, faultproxy.Fault{On: getIndex, Times: 1, Play: faultproxy.Hang}, exitOK, nil, 0},
		"a list stalls":                               {false, faultproxy.Fault{On: list, Times: 1, Play: faultproxy.Stall(100)}, exitOK, nil, 0},
		"a list is cut":                               {false, faultproxy.Fault{On: list, Times: some, Play: faultproxy.Cut(100, false)}, exitOK, nil, 0},
		"an hour stalls":                              {true, faultproxy.Fault{On: getHour, Play: faultproxy.Stall(100)}, exitBucket, []string{"the store sent nothing for 1s in the middle of its answer", "look at the store"}, 0},
		"an hour is cut":                              {true, faultproxy.Fault{On: getHour, Play: faultproxy.Cut(100, false)}, exitBucket, []string{"unexpected EOF", "hour="}, 0},
		"an hour is reset":                            {true, faultproxy.Fault{On: getHour, Play: faultproxy.Cut(100, true)}, exitBucket, []string{"connection reset by peer", "hour="}, 0},
		"an hour has other bytes":                     {true, faultproxy.Fault{On: getHour, Play: faultproxy.Change(flip)}, exitBucket, []string{"checksum did not match"}, 0},
		"an hour is empty":                            {true, faultproxy.Fault{On: getHour, Play: faultproxy.Change(empty)}, exitBucket, nil, 0},
		"the line is slow":                            {false, faultproxy.Fault{Play: faultproxy.Trickle(4, 5*time.Millisecond)}, exitOK, nil, 0},
		"the store is far away":                       {false, faultproxy.Fault{Play: faultproxy.Delay(20 * time.Millisecond)}, exitOK, nil, 0},
		"the store fails now and then":                {false, faultproxy.Fault{Times: some, Play: refuses(500, "InternalError")}, exitOK, nil, 0},
		"the store always fails":                      {false, faultproxy.Fault{Play: refuses(500, "InternalError")}, exitBucket, []string{"InternalError", "status 500"}, 0},
		"the store is busy for a second":              {false, faultproxy.Fault{On: putHour, Times: 1, Play: busy(503, "1")}, exitOK, nil, 1},
		"the store asks to be left alone":             {false, faultproxy.Fault{On: putHour, Play: busy(503, "3600")}, exitBucket, []string{"SlowDown"}, 1},
		"the store has too many requests":             {false, faultproxy.Fault{On: putHour, Play: busy(429, "3600")}, exitBucket, []string{"SlowDown", "status 429"}, 1},
		"access is denied":                            {false, faultproxy.Fault{Play: refuses(403, "AccessDenied")}, exitBucket, []string{"AccessDenied", "allow s3:GetObject"}, 0},
		"the signature is wrong":                      {false, faultproxy.Fault{Play: refuses(403, "SignatureDoesNotMatch")}, exitBucket, []string{"the secret key does not fit"}, 0},
		"the clock is wrong":                          {false, faultproxy.Fault{Play: refuses(403, "RequestTimeTooSkewed")}, exitBucket, []string{"set this one by NTP"}, 0},
		"the bucket is missing":                       {false, faultproxy.Fault{Play: refuses(404, "NoSuchBucket")}, exitBucket, []string{"create the bucket"}, 0},
		"the bucket is missing for what is put":       {false, faultproxy.Fault{On: putHour, Play: refuses(404, "NoSuchBucket")}, exitBucket, []string{"create the bucket"}, 0},
		"a proxy says 404":                            {false, faultproxy.Fault{Play: faultproxy.Answer(404, nil, "<html>not found</html>")}, exitBucket, []string{"status 404"}, 0},
		"a put of the index meets another":            {false, faultproxy.Fault{On: putIndex, Times: 1, Play: refuses(412, "PreconditionFailed")}, exitOK, nil, 0},
		"a put of the index meets one under way":      {false, faultproxy.Fault{On: putIndex, Times: some, Play: refuses(409, "ConditionalRequestConflict")}, exitOK, nil, 0},
		"a put is answered with an error under 200":   {false, faultproxy.Fault{On: putHour, Times: 1, Play: refuses(200, "InternalError")}, exitOK, nil, 0},
		"a list is the page of a portal":              {false, faultproxy.Fault{On: list, Play: faultproxy.Answer(200, nil, "<html><body>please log in</body></html>")}, exitBucket, []string{"is the endpoint an S3 store?"}, 0},
		"a list is empty":                             {false, faultproxy.Fault{On: list, Play: faultproxy.Change(empty)}, exitBucket, nil, 0},
		"the index has other bytes":                   {true, faultproxy.Fault{On: getIndex, Play: faultproxy.Change(flip)}, exitBucket, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, shared.s3.Endpoint)
			b := newBooks(t, setup{s3: p.URL})
			args := closes()
			if tt.report {
				b.run(t, args...).is(t, exitOK, nil)
				args = reports()
			}
			p.Set(tt.fault)
			b.run(t, args...).is(t, tt.code, tt.says)
			if n := p.Happened(); n == 0 || tt.most > 0 && n > tt.most {
				t.Errorf("the fault happened %d times", n)
			}
			arePartOf(t, b.objects(t), expected(t, ""))
			p.Set()
			b.endsWell(t, "")
		})
	}
}

// start begins to pass requests on to a server.
func start(t *testing.T, server string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Start(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// is fails the test unless the binary ended with a code, and its log has all the parts.
func (r result) is(t *testing.T, code int, parts []string) {
	t.Helper()
	lacks := ""
	for _, part := range parts {
		if !strings.Contains(r.log, part) {
			lacks += fmt.Sprintf("; it does not say %q", part)
		}
	}
	if r.code != code || lacks != "" {
		t.Errorf("it ends with %d, want %d%s:\n%s%s", r.code, code, lacks, r.stdout, r.log)
	}
}
