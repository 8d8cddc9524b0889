//go:build real

package reporter_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gputally/gputally/internal/webservertest"
)

func TestClientsOfServe(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	closeDay(t, openFolder(t, dir), "NVIDIA H200")
	c := &clock{}
	c.set("2026-11-20T12:00:00Z")
	s := serve(t, c, "--config="+files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t))
	s.eventually(t, "it is ready", func() bool { status, _ := s.get(t, "/readyz"); return status == http.StatusOK })
	webservertest.Run(t, strings.TrimPrefix(s.url, "http://"), "/metrics", "/", "/healthz", "/readyz")
}
