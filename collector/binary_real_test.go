//go:build real

package collector_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gputally/gputally/internal/collectortest"
)

// binary builds the collector, once for all tests.
var binary func() (string, error)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gputally-collector")
	defer os.RemoveAll(dir)
	binary = sync.OnceValues(func() (string, error) {
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, "gputally-collector"), collectortest.Build(dir, "gputally-collector")
	})
	m.Run()
}

// built returns the path of the collector.
func built(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs the collector on a node, with polls that follow closely.
func start(t testing.TB, node *collectortest.Node, args ...string) *collectortest.Process {
	t.Helper()
	return collectortest.Start(t, node.Command(t, built(t), append([]string{"--meter.interval=200ms"}, args...)...))
}
