//go:build real

package collector_test

import (
	"testing"

	"github.com/gputally/gputally/internal/webservertest"
)

func TestClientsOfTheCollector(t *testing.T) {
	t.Parallel()
	r := run(t)
	webservertest.Run(t, r.addresses[0], "/metrics", "/", "/healthz", "/readyz")
}
