//go:build linux && cgo

package nvml_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// BenchmarkInventory is the cost on our side of the driver: the stand-in
// answers at once (it looks at its scenario's file at each call).
func BenchmarkInventory(b *testing.B) {
	file := filepath.Join(b.TempDir(), "world")
	if err := nvmltest.Node(8).WriteFile(file); err != nil {
		b.Fatal(err)
	}
	b.Setenv(nvmltest.ScenarioEnv, file)
	s, err := nvml.New(nvml.Config{LibraryPath: nvmltest.Build(b), Logger: slog.New(slog.DiscardHandler), Now: time.Now, CallTimeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		inv, err := s.Inventory(b.Context())
		if err != nil || len(inv.GPUs) != 8 {
			b.Fatalf("got %d GPUs, %v", len(inv.GPUs), err)
		}
	}
}
