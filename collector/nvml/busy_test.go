//go:build linux && cgo

package nvml_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// sampled adds to what the driver has in its buffer: a sample each 100 ms after
// the one before, as long as there are percentages.
func sampled(g *nvmltest.GPU, percent ...int64) {
	at := 1000 * time.Hour
	if n := len(g.Samples); n > 0 {
		at = g.Samples[n-1].At
	}
	for i, p := range percent {
		g.Samples = append(g.Samples, nvmltest.Sample{At: at + time.Duration(i+1)*100*time.Millisecond, Percent: p})
	}
}

func TestActiveSecondsFromSamples(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		var c clock
		s := source(t, nvml.Config{LibraryPath: w.library, CallTimeout: time.Minute, Now: c.now})
		node := nvmltest.Node(1)
		g := &node.GPUs[0]
		unknown := math.NaN()
		for _, step := range []struct {
			name  string
			after time.Duration
			do    func()
			want  float64
		}{
			{"a driver that has taken no samples", 0, func() {}, unknown},
			{"what was before the first look doesn't count", time.Second, func() { sampled(g, 100, 100, 100) }, 0},
			{"each sample stands for the time since the one before", time.Second, func() { sampled(g, 100, 50, 25) }, 0.175},
			{"a sample counts once", time.Second, func() {}, 0.175},
			{"no new samples of an idle GPU mean idle", time.Hour, func() {}, 0.175},
			{
				"a pause is not integrated, what follows it is", time.Hour,
				func() {
					g.Samples = append(g.Samples, nvmltest.Sample{At: g.Samples[len(g.Samples)-1].At + time.Hour, Percent: 100})
					sampled(g, 100)
				},
				0.275,
			},
			{
				"just as long as a sample may stand for", 2 * time.Second,
				func() {
					g.Samples = append(g.Samples, nvmltest.Sample{At: g.Samples[len(g.Samples)-1].At + 2*time.Second, Percent: 50})
				},
				1.275,
			},
			{"not in the order of time", time.Second, func() {
				sampled(g, 100, 0)
				n := len(g.Samples)
				g.Samples[n-1], g.Samples[n-2] = g.Samples[n-2], g.Samples[n-1]
			}, 1.375},
			{"no new samples of a busy GPU, for a moment", 2 * time.Second, func() { g.Utilization = 80 }, 1.375},
			{"and for longer: not known", time.Second, func() {}, unknown},
			{"samples again: it begins anew", time.Second, func() { g.Samples = nil; sampled(g, 100, 100) }, 0},
			{"and goes on", time.Second, func() { sampled(g, 10) }, 0.01},
			{"no new samples, and the utilization isn't known", 3 * time.Second, func() { g.Utilization = nvmltest.Fails(nvmltest.NotSupported) }, unknown},
			{"samples again", time.Second, func() { g.Samples = nil; sampled(g, 100, 100) }, 0},
			{"values that are no percentages", time.Second, func() { sampled(g, 290000) }, unknown},
			{"percentages again: it begins again from there", time.Second, func() { sampled(g, 100, 100) }, 0},
			{"and goes on, past what the buffer still has", time.Second, func() { sampled(g, 50) }, 0.05},
			{"a time to come", time.Second, func() {
				sampled(g, 10)
				g.Samples = append(g.Samples, nvmltest.Sample{At: 1e6 * time.Hour, Percent: 100})
			}, 0.06},
			{"is gone", time.Second, func() { g.Samples = g.Samples[:len(g.Samples)-1]; sampled(g, 10) }, 0.07},
			{"a time that can't be yet, as two seconds went by", time.Second, func() {
				sampled(g, 10)
				g.Samples = append(g.Samples, nvmltest.Sample{At: g.Samples[len(g.Samples)-1].At + time.Hour, Percent: 100})
			}, 0.08},
			{"and later ones count", time.Second, func() {
				n := len(g.Samples)
				g.Samples = append(g.Samples, nvmltest.Sample{At: g.Samples[n-2].At + 100*time.Millisecond, Percent: 10})
			}, 0.09},
			{"a time long ago", time.Second, func() {
				g.Samples = g.Samples[:len(g.Samples)-2]
				g.Samples = append(g.Samples, nvmltest.Sample{At: time.Second, Percent: 100})
			}, 0.09},
			{"is gone, too", time.Second, func() {
				g.Samples = nil
				g.Samples = []nvmltest.Sample{{At: 0, Percent: 100}}
			}, 0.09},
			{"not supported", time.Second, func() {
				sampled(g, 100)
				g.Fails = map[string]nvmltest.Code{"nvmlDeviceGetSamples": nvmltest.NotSupported}
			}, unknown},
			{"supported after all", time.Second, func() { g.Fails = nil }, 0},
			{"and integrated", time.Second, func() { sampled(g, 100) }, 0.1},
		} {
			c.advance(step.after)
			step.do()
			w.play(t, node)
			got := math.NaN()
			if a := one(t, s).Reading.Active; a != nil {
				got = *a
			}
			if math.IsNaN(got) != math.IsNaN(step.want) || math.Abs(got-step.want) > 1e-9 {
				t.Errorf("%s: got %v s, want %v s", step.name, got, step.want)
			}
		}
	})
}

func TestActiveSecondsBeginAnewWithTheDriverAndAfterAGap(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		for name, interrupt := range map[string]func(t *testing.T, s *nvml.Source, node nvmltest.Scenario){
			"the driver was initialized anew": func(t *testing.T, s *nvml.Source, node nvmltest.Scenario) {
				node.CountError = nvmltest.Uninitialized
				w.play(t, node)
				if _, err := s.Inventory(t.Context()); err == nil {
					t.Fatal("got no error from a driver that is not initialized")
				}
			},
			"the GPU was down": func(t *testing.T, s *nvml.Source, node nvmltest.Scenario) {
				node.GPUs = []nvmltest.GPU{node.GPUs[0]}
				node.GPUs[0].Power = nvmltest.Fails(nvmltest.Lost)
				w.play(t, node)
				if r := one(t, s).Reading; r.Up || r.Active != nil {
					t.Fatalf("got up %v, active %v; want down, unknown", r.Up, r.Active)
				}
			},
			"another GPU is in its place": func(t *testing.T, s *nvml.Source, node nvmltest.Scenario) {
				node.GPUs = []nvmltest.GPU{node.GPUs[0]}
				node.GPUs[0].UUID = "GPU-other"
				w.play(t, node)
				one(t, s)
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := w.source(t)
				node := nvmltest.Node(1)
				read := func(percent ...int64) device.Reading {
					sampled(&node.GPUs[0], percent...)
					w.play(t, node)
					return one(t, s).Reading
				}
				read(100)
				if got := read(100, 100).Active; got == nil || *got != 0.2 {
					t.Fatalf("before: got %v s, want 0.2 s", got)
				}
				interrupt(t, s, node)
				if got := read(100).Active; got == nil || *got != 0 {
					t.Errorf("afterwards: got %v s, want 0 s", got)
				}
			})
		}
	})
}

// However the driver's samples fall into readings, the integral is theirs.
func TestActiveSecondsAreTheIntegralOfAllSamples(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s := w.source(t)
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 0))
			node := nvmltest.Node(1)
			g := &node.GPUs[0]
			g.UUID = fmt.Sprintf("GPU-%d", seed)
			sampled(g, 100)
			w.play(t, node)
			one(t, s) // integrates from here
			var want, last float64
			for range 30 {
				for range random.IntN(8) {
					gap := time.Duration(1+random.IntN(2000)) * time.Millisecond
					percent := random.Int64N(101)
					g.Samples = append(g.Samples, nvmltest.Sample{At: g.Samples[len(g.Samples)-1].At + gap, Percent: percent})
					want += float64(percent) / 100 * gap.Seconds()
				}
				g.Samples = g.Samples[max(0, len(g.Samples)-20):] // the buffer forgets what was read
				w.play(t, node)
				got := one(t, s).Reading.Active
				if got == nil || math.Abs(*got-want) > 1e-6 || *got < last {
					t.Fatalf("seed %d: got %v s, want %v s, not below %v s", seed, got, want, last)
				}
				last = *got
			}
		}
	})
}
