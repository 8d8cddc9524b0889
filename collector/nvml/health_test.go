//go:build linux && cgo

package nvml_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// everything is a configuration that asks for all there is.
func everything(library string) nvml.Config {
	return nvml.Config{
		Logger: slog.New(slog.DiscardHandler), Now: time.Now, LibraryPath: library, CallTimeout: time.Minute,
		XID: true, ECC: true, RowRemap: true, Throttle: true, NVLink: true, PCIe: true,
	}
}

// worn is a GPU with something in every field of its health.
func worn() nvmltest.Scenario {
	node := nvmltest.Node(1)
	g := &node.GPUs[0]
	g.ECCCorrected, g.ECCUncorrected = 12, 3
	g.Rows = [4]int64{2, 1, 1, 0}
	g.Fields = []nvmltest.Field{
		{ID: 74, Kind: nvmltest.Ulonglong, Value: 1_500_000_000},
		{ID: 76, Kind: nvmltest.Ulonglong, Value: 0},
		{ID: 251, Kind: nvmltest.Ulonglong, Value: 1}, // something else since
		{ID: 269, Kind: nvmltest.Ulonglong, Value: 2_000_000_000},
		{ID: 270, Kind: nvmltest.Ulong, Value: 3_000_000_000},
		{ID: 271, Kind: nvmltest.Longlong, Value: 4_000_000_000},
		{ID: 138, Kind: nvmltest.Ulonglong, Value: 18},
		{ID: 139, Kind: nvmltest.Double, Value: 36},
		{ID: 140, Kind: nvmltest.Uint, Value: 54},
		{ID: 141, Kind: nvmltest.Ushort, Value: 72},
		{ID: 197, Kind: nvmltest.Int, Value: 1000},
		{ID: 198, Kind: nvmltest.Uint, Value: 1 << 31},
	}
	return node
}

func TestHealth(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		ecc := device.Health{ECCCorrected: new(12.0), ECCUncorrected: new(3.0)}
		rows := device.Health{
			RemappedCorrectable: new(2.0), RemappedUncorrectable: new(1.0), RemapPending: new(true), RemapFailed: new(false),
		}
		throttle := device.Health{Throttled: device.Throttled{
			PowerCap: new(1.5), SyncBoost: new(0.0), Thermal: new(2.0), HardwareThermal: new(3.0), PowerBrake: new(4.0),
		}}
		nvlink := device.Health{
			NVLinkPayloadSent: new(18.0 * 1024), NVLinkPayloadReceived: new(36.0 * 1024),
			NVLinkWireSent: new(54.0 * 1024), NVLinkWireReceived: new(72.0 * 1024),
		}
		pcie := device.Health{PCIeSent: new(1000.0), PCIeReceived: new(2147483648.0)}
		same := func(*nvmltest.GPU) {}
		for name, tc := range map[string]struct {
			want   nvml.Config
			change func(*nvmltest.GPU)
			health *device.Health
		}{
			"nothing unless asked": {nvml.Config{}, same, nil},
			"ECC":                  {nvml.Config{ECC: true}, same, &ecc},
			"rows":                 {nvml.Config{RowRemap: true}, same, &rows},
			"throttling":           {nvml.Config{Throttle: true}, same, &throttle},
			"NVLink, over all":     {nvml.Config{NVLink: true}, same, &nvlink},
			"PCIe":                 {nvml.Config{PCIe: true}, same, &pcie},
			"what the GPU hasn't is unknown": {
				nvml.Config{ECC: true, RowRemap: true, Throttle: true, NVLink: true, PCIe: true},
				func(g *nvmltest.GPU) {
					g.Fields, g.MIG = nil, 1
					g.ECCCorrected, g.ECCUncorrected = nvmltest.Fails(nvmltest.NotSupported), nvmltest.Fails(nvmltest.NotSupported)
				},
				&device.Health{},
			},
			"one field fails, the others don't": {
				nvml.Config{PCIe: true},
				func(g *nvmltest.GPU) {
					g.Fields = []nvmltest.Field{
						{ID: 197, Kind: nvmltest.Failing, Value: int64(nvmltest.Unknown)},
						{ID: 198, Kind: nvmltest.Ulonglong, Value: 5},
					}
				},
				&device.Health{PCIeReceived: new(5.0)},
			},
			"a counter below zero is none": {
				nvml.Config{PCIe: true},
				func(g *nvmltest.GPU) { g.Fields = []nvmltest.Field{{ID: 197, Kind: nvmltest.Int, Value: -1}} },
				&device.Health{},
			},
			"the call fails": {
				nvml.Config{PCIe: true},
				func(g *nvmltest.GPU) {
					g.Fails = map[string]nvmltest.Code{"nvmlDeviceGetFieldValues": nvmltest.Unknown}
				},
				&device.Health{},
			},
		} {
			t.Run(name, func(t *testing.T) {
				node := worn()
				tc.change(&node.GPUs[0])
				w.play(t, node)
				tc.want.LibraryPath, tc.want.CallTimeout = w.library, time.Minute
				if diff := cmp.Diff(tc.health, one(t, source(t, tc.want)).Reading.Health); diff != "" {
					t.Errorf("health (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestAFieldCanTellThatTheGPUIsLost(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		node := worn()
		w.play(t, node)
		s := source(t, everything(w.library))
		one(t, s)
		node.GPUs[0].Fields = []nvmltest.Field{{ID: 74, Kind: nvmltest.Failing, Value: int64(nvmltest.Lost)}}
		w.play(t, node)
		if r := one(t, s).Reading; r.Up || !strings.HasPrefix(r.Reason, "lost") || r.Health != nil {
			t.Errorf("got up %v, reason %q, health %v", r.Up, r.Reason, r.Health)
		}
	})
}

// To call a function that an old driver lacks would end this process.
func TestAnOldDriverIsAskedForEverything(t *testing.T) {
	isolated(t, nvmltest.BuildOld, func(t *testing.T, w world) {
		w.play(t, worn())
		s := source(t, everything(w.library))
		for range 3 {
			g := one(t, s)
			if diff := cmp.Diff(&device.Health{}, g.Reading.Health); diff != "" || g.XIDs != nil || !g.Reading.Up {
				t.Errorf("got up %v, XIDs %v, health (-want +got):\n%s", g.Reading.Up, g.XIDs, diff)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
