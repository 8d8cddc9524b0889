//go:build linux && cgo

package nvml_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

const gib = 1 << 30

func TestReadsWholeGPUs(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		w.play(t, nvmltest.Scenario{Driver: "580.95.05", CUDA: 13010, GPUs: []nvmltest.GPU{
			{
				UUID: "GPU-b", Name: "NVIDIA H200", BusID: "00000000:AB:00.0", Minor: 1,
				MemoryTotal: 141 * gib, MemoryReserved: gib, MemoryUsed: 40 * gib,
				Utilization: 37, Power: 512345, Temperature: 61, Energy: 9_000_000_001_500,
				MIG: nvmltest.Fails(nvmltest.NotSupported), Compute: []int{11, 12, 13}, Graphics: []int{13, 14},
			},
			{
				UUID: "GPU-a", Name: "NVIDIA L4", BusID: "00010000:0A:00.0", Minor: 0,
				MemoryTotal: 24 * gib, Power: 16000, Temperature: 25, Energy: 500,
			},
		}})
		want := device.Inventory{DriverVersion: "580.95.05", CUDAVersion: "13.1", Session: 1, GPUs: []device.GPU{
			{UUID: "GPU-a", Model: "NVIDIA L4", PCIBusID: "10000:0a:00.0", Minor: 0, Reading: device.Reading{
				Up: true, Utilization: new(0.0), MemoryUsed: new(0.0), MemoryTotal: new(24.0 * gib),
				Power: new(16.0), Temperature: new(25.0), Energy: new(0.5), Running: []device.Process{},
			}},
			{UUID: "GPU-b", Model: "NVIDIA H200", PCIBusID: "0000:ab:00.0", Minor: 1, Reading: device.Reading{
				Up: true, Utilization: new(0.37), MemoryUsed: new(40.0 * gib), MemoryTotal: new(141.0 * gib),
				Power: new(512.345), Temperature: new(61.0), Energy: new(9_000_000_001.5), Processes: 4,
				Running: []device.Process{{PID: 11}, {PID: 12}, {PID: 13}, {PID: 14}},
			}},
		}}
		s := w.source(t)
		for range 2 { // the second time from handles that are known
			if diff := cmp.Diff(want, inventory(t, s)); diff != "" {
				t.Errorf("inventory (-want +got):\n%s", diff)
			}
		}
	})
}

func TestUnknownReadingsAreNil(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s := w.source(t)
		for name, tc := range map[string]struct {
			change func(*nvmltest.GPU)
			blank  func(*device.GPU)
		}{
			"utilization": {
				func(g *nvmltest.GPU) { g.Utilization = nvmltest.Fails(nvmltest.NotSupported) },
				func(g *device.GPU) { g.Reading.Utilization = nil },
			},
			"memory": {
				func(g *nvmltest.GPU) { g.MemoryTotal = nvmltest.Fails(nvmltest.NoPermission) },
				func(g *device.GPU) { g.Reading.MemoryUsed, g.Reading.MemoryTotal = nil, nil },
			},
			"power": {
				func(g *nvmltest.GPU) { g.Power = nvmltest.Fails(nvmltest.Unknown) },
				func(g *device.GPU) { g.Reading.Power = nil },
			},
			"temperature": {
				func(g *nvmltest.GPU) { g.Temperature = nvmltest.Fails(nvmltest.NotSupported) },
				func(g *device.GPU) { g.Reading.Temperature = nil },
			},
			"energy": {
				func(g *nvmltest.GPU) { g.Energy = nvmltest.Fails(nvmltest.NotSupported) },
				func(g *device.GPU) { g.Reading.Energy = nil },
			},
			"minor number": {
				func(g *nvmltest.GPU) { g.UUID, g.Minor = "GPU-no-minor", nvmltest.Fails(nvmltest.NotSupported) },
				func(g *device.GPU) { g.UUID, g.Minor = "GPU-no-minor", -1 },
			},
		} {
			t.Run(name, func(t *testing.T) {
				node := nvmltest.Node(1)
				w.play(t, node)
				want := one(t, s)
				tc.change(&node.GPUs[0])
				w.play(t, node)
				tc.blank(&want)
				if diff := cmp.Diff(want, one(t, s)); diff != "" {
					t.Errorf("GPU (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// An old driver lacks functions; to call one would end this process.
func TestOldDriverTellsWhatItCan(t *testing.T) {
	isolated(t, nvmltest.BuildOld, func(t *testing.T, w world) {
		node := nvmltest.Node(1)
		node.CUDA = 10010
		g := &node.GPUs[0]
		g.MemoryTotal, g.MemoryUsed, g.MemoryReserved = 40*gib, 10*gib, gib
		g.MIG, g.Compute, g.Graphics = 1, []int{7, 8}, []int{9}
		g.Details = []nvmltest.Process{{PID: 8, Memory: 3 * gib}}
		w.play(t, node)
		s := w.source(t)
		if got := inventory(t, s).CUDAVersion; got != "10.1" {
			t.Errorf("got CUDA %s, want 10.1", got)
		}
		want := device.GPU{UUID: g.UUID, Model: g.Name, PCIBusID: "0000:0a:00.0", MaxPower: new(700.0), Reading: device.Reading{
			Up: true, Utilization: new(0.0), MemoryUsed: new(11.0 * gib), MemoryTotal: new(40.0 * gib),
			Power: new(75.0), Temperature: new(30.0), Processes: 2,
			Running: []device.Process{{PID: 7}, {PID: 8, MemoryUsed: new(3.0 * gib)}},
		}}
		if diff := cmp.Diff(want, one(t, s)); diff != "" {
			t.Errorf("GPU (-want +got):\n%s", diff)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
