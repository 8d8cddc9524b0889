package reporter_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter"
)

const twoClustersOfOneServer = `clusters:
  - {name: eu-1, prometheus: {selector: {cluster: eu-1}}}
  - {name: eu-2, prometheus: {selector: {cluster: eu-2}}}
prometheus: {url: URL}
bucket: BUCKET
`

// Each cluster has clients of its own, for collectors and for nodes.
func TestTheWayToReadIsSaidOnceForEachServer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file string
		want int
	}{
		"one server of two clusters": {twoClustersOfOneServer, 1},
		"a server of each cluster":   {strings.Replace(twoClustersOfOneServer, "selector: {cluster: eu-2}", "url: OTHER", 1), 2},
		"two replicas":               {"cluster: eu-1\nprometheus: {replicas: [URL, OTHER]}\nbucket: BUCKET\n", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, setting := folder(t)
			file := strings.NewReplacer("URL", emptyPrometheus(t), "OTHER", emptyPrometheus(t), "BUCKET", setting).Replace(tt.file)
			config := "--config=" + files{"gputally.yaml": file}.write(t)
			log := run(t, now, "close", "--from=2026-11-20T08:00:00Z", config).stderr
			if n := strings.Count(log, `msg="Found the way to read raw samples"`); n != tt.want {
				t.Errorf("it is said %d times, want %d:\n%s", n, tt.want, log)
			}
		})
	}
}

func TestRequestsAreInTheDebugLog(t *testing.T) {
	t.Parallel()
	const token, key = "hunter2-token", "hunter2-key"
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "I don't know "+r.Header.Get("Authorization"), http.StatusTeapot)
	}))
	t.Cleanup(prometheus.Close)
	_, setting := folder(t)
	main := strings.Replace(mainFile(prometheus.URL, setting), "timeout: 20s", "http: {authorization: {credentials: "+token+"}, http_headers: {X-Api-Key: {secrets: ["+key+"]}}}", 1)
	args := []string{"close", "--from=2026-11-20T10:00:00Z", "--config=" + files{"gputally.yaml": main}.write(t)}
	line := regexp.MustCompile(`(?m)^.*level=DEBUG .*msg="Asked the metrics server" method=POST url=` + prometheus.URL +
		`/api/v1/read status=418 bytes=\d+ took=\S+$`)
	log := run(t, now, append(args, "--log.level=debug")...).stderr
	if n := len(line.FindAllString(log, -1)); n != 1 || n != strings.Count(log, "/api/v1/read status") {
		t.Errorf("%d lines of the request in\n%s", n, log)
	}
	got := run(t, now, args...)
	if strings.Contains(got.stderr, "Asked the metrics server") {
		t.Errorf("it is in the log of level info:\n%s", got.stderr)
	}
	got.want(t, reporter.ExitSource, "418", "I don't know <hidden>")
	for _, text := range []string{log, got.stderr, got.message} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("a secret is shown:\n%s", text)
		}
	}
}
