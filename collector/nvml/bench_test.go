//go:build linux && cgo

package nvml_test

import (
	"fmt"
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
	b.Setenv(nvmltest.ScenarioEnv, file)
	library := nvmltest.Build(b)
	for _, bc := range []struct {
		name string
		node nvmltest.Scenario
		cfg  nvml.Config
	}{
		{"8 idle GPUs", nvmltest.Node(8), nvml.Config{LibraryPath: library, CallTimeout: time.Minute}},
		{"8 GPUs with 8 processes each and everything on", crowded(8), everything(library)},
		{"8 GPUs with 56 MIG instances and everything on", cut(8), everything(library)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			if err := bc.node.WriteFile(file); err != nil {
				b.Fatal(err)
			}
			var c clock
			bc.cfg.Logger, bc.cfg.Now = slog.New(slog.DiscardHandler), c.now
			s, err := nvml.New(bc.cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				c.advance(time.Second) // else the counters aren't asked each time
				inv, err := s.Inventory(b.Context())
				if err != nil || len(inv.GPUs) != 8 {
					b.Fatalf("got %d GPUs, %v", len(inv.GPUs), err)
				}
			}
		})
	}
}

// crowded is a node whose GPUs are shared and say all they can.
func crowded(gpus int) nvmltest.Scenario {
	node := nvmltest.Node(gpus)
	for i := range node.GPUs {
		g := &node.GPUs[i]
		g.Utilization, g.Counters, g.Fields = 80, &nvmltest.Counters{}, worn().GPUs[0].Fields
		sampled(g, 80, 80, 80, 80, 80, 80)
		for p := range 8 {
			g.Compute = append(g.Compute, 100+p)
			g.Details = append(g.Details, detail(100+p, gib, -1, -1))
			g.Work = append(g.Work, nvmltest.Work{PID: 100 + p, At: time.Hour, Percent: 10})
		}
	}
	return node
}

// cut is a node whose GPUs are cut into seven each and say all they can.
func cut(gpus int) nvmltest.Scenario {
	node := nvmltest.Node(gpus)
	for i := range node.GPUs {
		g := &node.GPUs[i]
		g.MIG, g.Counters, g.Fields = 1, &nvmltest.Counters{}, worn().GPUs[0].Fields
		for m := range 7 {
			g.Instances = append(g.Instances, nvmltest.Instance{
				Index: m, UUID: fmt.Sprintf("MIG-%d-%d", i, m), Name: "NVIDIA H200 MIG 1g.18gb", GI: int64(m + 7),
				GPUSlices: 1, ComputeSlices: 1, MemoryMiB: 16384, Counters: &nvmltest.Counters{},
			})
			g.Compute = append(g.Compute, 100+m)
			g.Details = append(g.Details, detail(100+m, gib, int64(m+7), 0))
		}
	}
	return node
}
