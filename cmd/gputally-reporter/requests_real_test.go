//go:build real

package main_test

import (
	"regexp"
	"strings"
	"testing"
)

var debugLine = regexp.MustCompile(`^time=\S+ level=DEBUG source=\S+ msg="Asked the (bucket|metrics server)" method=[A-Z]+ url="?http://127\.0\.0\.1:\d+/[^?\s"]+"? status=\d+ bytes=\d+ took=\S+$`)

// Each request is one line of the debug log, with method, path, status, length and
// duration, and with nothing of its query and headers.
func TestEachRequestIsALineOfTheDebugLog(t *testing.T) {
	t.Parallel()
	s3, prometheus := start(t, shared.s3.Endpoint), start(t, shared.prometheus.URL)
	b := newBooks(t, setup{s3: s3.URL, prometheus: prometheus.URL, road: "auto", more: withPassword})
	var log string
	for _, args := range [][]string{closes(), reports(), {"check", "--live"}} {
		log += b.run(t, append(args, "--log.level=debug")...).log
	}
	of := map[string]int{}
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "Asked the") {
			continue
		}
		found := debugLine.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			t.Fatalf("the line is %s", line)
		}
		of[found[1]]++
	}
	if n := len(s3.Asked()); n < 20 || of["bucket"] != n {
		t.Errorf("%d lines of %d requests to the bucket", of["bucket"], n)
	}
	if n := len(prometheus.Asked()); n < 10 || of["metrics server"] != n {
		t.Errorf("%d lines of %d requests to Prometheus", of["metrics server"], n)
	}
	if n := strings.Count(b.run(t, closes()...).log, "Asked the"); n > 0 {
		t.Errorf("%d lines in the log of level info", n)
	}
	for _, word := range []string{shared.s3.AccessKey, "Signature", "X-Api-Key"} {
		if strings.Contains(log, word) {
			t.Errorf("the log has %q in it", word)
		}
	}
}
