//go:build linux && cgo

package nvml_test

import (
	"strings"
	"testing"

	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// mute makes everything fail that a GPU measures.
func mute(g *nvmltest.GPU, code nvmltest.Code) {
	fails := nvmltest.Fails(code)
	g.Utilization, g.MemoryTotal, g.Power, g.Temperature, g.Energy = fails, fails, fails, fails, fails
}

func TestAGPUWhoseReadingsAllFailIsDown(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		healthy := nvmltest.Node(1)
		silent := func(code nvmltest.Code) nvmltest.Scenario {
			node := nvmltest.Node(1)
			mute(&node.GPUs[0], code)
			return node
		}
		partly := silent(nvmltest.Unknown)
		partly.GPUs[0].Temperature = 30
		mixed := silent(nvmltest.NotSupported)
		mixed.GPUs[0].Power = nvmltest.Fails(nvmltest.Unknown)
		again := nvmltest.Node(1)
		again.CountError = nvmltest.Uninitialized
		for name, tc := range map[string]struct {
			nodes  []nvmltest.Scenario
			reason string // "" if it is up in the end
		}{
			"with an unknown error":                                   {[]nvmltest.Scenario{healthy, silent(nvmltest.Unknown)}, "driver error 999"},
			"with one that nobody has heard of":                       {[]nvmltest.Scenario{healthy, silent(4711)}, "driver error 4711"},
			"as the library lost its initialization":                  {[]nvmltest.Scenario{healthy, silent(nvmltest.Uninitialized)}, "driver error 1"},
			"as they are not permitted":                               {[]nvmltest.Scenario{healthy, silent(nvmltest.NoPermission)}, "driver error 4"},
			"as the GPU is lost":                                      {[]nvmltest.Scenario{healthy, silent(nvmltest.Lost)}, "lost"},
			"as they are not supported, but were":                     {[]nvmltest.Scenario{healthy, silent(nvmltest.NotSupported)}, "driver error 3"},
			"as they are not supported any more, after a new session": {[]nvmltest.Scenario{healthy, again, silent(nvmltest.NotSupported)}, "driver error 3"},
			"from the beginning":                                      {[]nvmltest.Scenario{silent(nvmltest.Unknown)}, "driver error 999"},
			"for several reasons, of which one is no excuse":          {[]nvmltest.Scenario{mixed}, "driver error 999"},
			"not, if it never supported any":                          {[]nvmltest.Scenario{silent(nvmltest.NotSupported)}, ""},
			"not, if one of them can be had":                          {[]nvmltest.Scenario{healthy, partly}, ""},
			"for a while":                                             {[]nvmltest.Scenario{healthy, silent(nvmltest.Unknown), healthy}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				s := w.source(t)
				for _, node := range tc.nodes[:len(tc.nodes)-1] {
					w.play(t, node)
					_, _ = s.Inventory(t.Context()) // in some the driver fails
				}
				w.play(t, tc.nodes[len(tc.nodes)-1])
				g := one(t, s)
				if r := g.Reading; r.Up != (tc.reason == "") || !strings.HasPrefix(r.Reason, tc.reason) {
					t.Errorf("up %v, reason %q; want %q", r.Up, r.Reason, tc.reason)
				}
				if g.Model != "NVIDIA H200" {
					t.Errorf("its model is %q", g.Model)
				}
			})
		}
	})
}

func TestGPUsThatDoNotSayWhoTheyAreAreCounted(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		lost, empty, twice, missing, moved := nvmltest.Node(3), nvmltest.Node(3), nvmltest.Node(3), nvmltest.Node(3), nvmltest.Node(3)
		lost.GPUs[1].Error = nvmltest.Lost
		empty.GPUs[1].UUID = ""
		twice.GPUs[1].UUID = twice.GPUs[0].UUID
		missing.GPUs, missing.Count = missing.GPUs[:2], 3
		moved.GPUs[1].UUID, moved.GPUs[2].Error = moved.GPUs[2].UUID, nvmltest.Unknown
		for name, tc := range map[string]struct {
			before, now    nvmltest.Scenario
			gpus, nameless int
		}{
			"all do":                               {nvmltest.Node(3), nvmltest.Node(3), 3, 0},
			"one is lost from the beginning":       {lost, lost, 2, 1},
			"one is lost later: it is remembered":  {nvmltest.Node(3), lost, 3, 0},
			"one says nothing":                     {empty, empty, 2, 1},
			"one says who another is":              {twice, twice, 2, 1},
			"one is counted, and is not there":     {missing, missing, 2, 1},
			"one took the place of another":        {nvmltest.Node(3), moved, 2, 1},
			"one that was lost says it in the end": {lost, nvmltest.Node(3), 3, 0},
			"there are none":                       {nvmltest.Scenario{}, nvmltest.Scenario{}, 0, 0},
		} {
			t.Run(name, func(t *testing.T) {
				s := w.source(t)
				w.play(t, tc.before)
				inventory(t, s)
				w.play(t, tc.now)
				if inv := inventory(t, s); len(inv.GPUs) != tc.gpus || inv.Nameless != tc.nameless {
					t.Errorf("%d GPUs and %d nameless, want %d and %d", len(inv.GPUs), inv.Nameless, tc.gpus, tc.nameless)
				}
			})
		}
	})
}
