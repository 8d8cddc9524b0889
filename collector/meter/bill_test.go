package meter_test

import (
	"testing"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// What a GPU drew over polls that did not say it goes to those who worked meanwhile.
func TestEnergyOverPollsWithoutIt(t *testing.T) {
	t.Parallel()
	p, q := process(1, "p", "main", 0.1, 0), process(2, "q", "main", 0.3, 0)
	at := func(joules float64, ps ...device.Process) *device.Inventory {
		g := running(gpu("GPU-a", 0.5, joules), ps...)
		if joules < 0 {
			g.Reading.Energy = nil
		}
		return inventory(g)
	}
	unmeasured := process(1, "p", "main", 0, 0)
	unmeasured.Utilization = nil
	sole := held(hold("p", "GPU-a", 1, true))
	type look struct {
		inv *device.Inventory
		a   *meter.Attribution
	}
	for name, tc := range map[string]struct {
		looks [4]look // 4 s apart
		want  map[string]float64
	}{
		"two that share have it by what they did": {
			[4]look{{at(0, p, q), sharers()}, {at(-1, p, q), sharers()}, {at(-1, q), sharers()}, {at(800, q), sharers()}},
			map[string]float64{"p": 800 * 0.1 / 1.0, "q": 800 * 0.9 / 1.0},
		},
		"and nobody, where some of that is unknown": {
			[4]look{{at(0, p, q), sharers()}, {at(-1, unmeasured, q), sharers()}, {at(-1, p, q), sharers()}, {at(800, p, q), sharers()}},
			map[string]float64{"p": -1, "q": -1},
		},
		"who ended meanwhile has none, and the other his part": {
			[4]look{{at(0, p, q), sharers()}, {at(-1, p, q), held(hold("q", "GPU-a", 0.5, true))}, {at(-1, q), held(hold("q", "GPU-a", 0.5, true))}, {at(800, q), held(hold("q", "GPU-a", 0.5, true))}},
			map[string]float64{"p": -1, "q": 800 * 1.3 / 1.4},
		},
		"who had the GPU to himself has all, whatever he did": {
			[4]look{{at(0, unmeasured), sole}, {at(-1, unmeasured), sole}, {nil, sole}, {at(800, unmeasured), sole}},
			map[string]float64{"p": 800},
		},
		"but for what a process drew before he held it": {
			[4]look{{at(0), held()}, {at(-1, p), sole}, {at(-1, p), sole}, {at(800, p), sole}},
			map[string]float64{"p": 800 * 0.5 * 8 / (0.5*8 + 0.1*4)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			var s *meter.Snapshot
			for i, l := range tc.looks {
				s = poll(m, 4*float64(i), l.inv, l.a)
			}
			near(t, "device", *s.Devices[0].Energy, 800)
			for _, h := range s.Holdings {
				near(t, h.Holder.Pod, or(h.Energy, -1), tc.want[h.Holder.Pod])
			}
		})
	}
}
