package gputally_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// TestBadSamples spoils what was scraped of a container that holds its GPU for
// the hour: each case is a finding, and none makes the hour smaller or
// larger than the spoilt samples leave open.
func TestBadSamples(t *testing.T) {
	t.Parallel()
	seconds := metric.ContainerAllocatedSeconds.Name
	spoil := func(name string, change func(i int, p *series.Sample)) func(*memory) {
		return func(m *memory) {
			for _, s := range m.series {
				if s.Labels.Get("__name__") == name {
					for i := range s.Samples {
						change(i, &s.Samples[i])
					}
				}
			}
		}
	}
	at := func(n int, v float64) func(int, *series.Sample) {
		return func(i int, p *series.Sample) {
			if i == n {
				p.V = v
			}
		}
	}
	tests := map[string]struct {
		spoil     func(*memory)
		low, high int64 // GPU-ms
		code      usage.Code
		named     string // how what is named begins
	}{
		"a value that is no number":       {spoil(seconds, at(160, math.NaN())), hour, hour, usage.ImpossibleValue, seconds},
		"a negative value":                {spoil(seconds, at(160, -5)), hour, hour, usage.ImpossibleValue, seconds},
		"an infinite value":               {spoil(seconds, at(160, math.Inf(1))), hour, hour, usage.ImpossibleValue, seconds},
		"a single value that is too high": {spoil(seconds, at(160, 1e9)), hour, hour, usage.CounterTooFast, ""},
		"a first value that is too high":  {spoil(seconds, at(30, 1e9)), hour, hour, usage.CounterTooFast, ""},
		"a single value that is too low":  {spoil(seconds, at(160, 7)), hour, hour, usage.ImpossibleValue, "team/p/main on GPU-a"},
		"a counter that falls for good": {
			spoil(seconds, func(i int, p *series.Sample) {
				if i >= 110 {
					p.V -= 3000
				}
			}), hour - 30*second, hour, usage.GPUSecondsFell, "",
		},
		"a clock that is minutes ahead": {
			func(m *memory) {
				for _, f := range []metric.Family{metric.ContainerStartTime, metric.CollectorStartTime} {
					spoil(f.Name, func(_ int, p *series.Sample) { p.V += 180 })(m)
				}
			}, hour, hour, usage.ClockAhead, "",
		},
		"a clock that is minutes behind": {
			func(m *memory) {
				for _, f := range []metric.Family{metric.ContainerStartTime, metric.CollectorStartTime} {
					spoil(f.Name, func(_ int, p *series.Sample) { p.V -= 180 })(m)
				}
			}, hour, hour, "", "",
		},
		"two collectors on one node": {
			func(m *memory) {
				sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: -30 * minute, to: 2 * hour})
				sc.processes = []process{{"10.0.0.9:9400", -20*minute + 300, 20 * minute}}
				sc.scrapers[0].phase += 4 * second
				sc.render(m)
			}, hour, hour, usage.TwoCollectors, "",
		},
		"a device that nobody describes": {
			func(m *memory) { m.drop(metric.DeviceInfo) }, hour, hour, usage.GPUInfoMissing, "",
		},
		"a device that changes its model": {
			func(m *memory) {
				m.add(t0+2*hour-1, metric.DeviceInfo, 1, "uuid", "GPU-a", "node", "node-2", "model", "NVIDIA H200")
				m.add(t0+minute, metric.DeviceInfo, 1, "uuid", "GPU-a", "node", "node-2", "model", "NVIDIA H200")
			}, hour, hour, usage.GPUInfoAmbiguous, "",
		},
		"a device without series of its own": {
			func(m *memory) { m.drop(metric.DeviceSeconds, metric.DeviceInfo) }, hour, hour, usage.DeviceMissing, "",
		},
		"a sample from after the time that was asked for": {
			func(m *memory) { m.beyond = []series.Sample{{T: t0 + 100*hour, V: 1e6}} }, hour, hour, usage.OutsideRange, "",
		},
		"a negative poll age": {
			spoil(metric.CollectorPollAge.Name, at(160, -100)), hour, hour, usage.ImpossibleValue, metric.CollectorPollAge.Name,
		},
		"a poll age of years": {
			spoil(metric.CollectorPollAge.Name, at(160, 1e9)), hour, hour, usage.ImpossibleValue, metric.CollectorPollAge.Name,
		},
		"activity that is divided evenly": {
			func(m *memory) {
				m.each(metric.NodeInfo, func(s *series.Series) {
					s.Labels = append(series.Labels{{Name: metric.LabelActivity, Value: metric.ActivitySplit}}, s.Labels...)
				})
			}, hour, hour, usage.ActivityDivided, "node-1",
		},
		"a counter beside the seconds that falls": {
			spoil(metric.ContainerActiveSeconds.Name, func(i int, p *series.Sample) {
				if i >= 110 {
					p.V -= 600
				}
			}), hour, hour, usage.OtherCounterFell, "",
		},
		"an end before the start": {
			func(m *memory) {
				m.each(metric.ContainerAllocatedSeconds, func(s *series.Series) {
					for _, p := range s.Samples[160:] {
						m.put(p.T, metric.ContainerEndTime, unix(-40*minute), s.Labels)
					}
				})
			}, hour, hour, usage.EndBeforeStart, "",
		},
		"a share above 1": {
			spoil(metric.ContainerShare.Name, func(_ int, p *series.Sample) { p.V = 2 }), hour, hour, usage.ShareAboveOne, "",
		},
		"two containers that have the whole GPU": {
			func(m *memory) {
				sc := oneNode(hold{uuid: "GPU-a", pod: "q", share: 1, from: -10 * minute, to: 2 * hour})
				sc.uuids, sc.processes[0].from = nil, -25*minute
				sc.render(m)
			}, hour, hour, usage.SharesAboveOne, "GPU-a",
		},
		"a state that is not known": {
			func(m *memory) {
				m.add(t0+minute, metric.DeviceSeconds, 60, "uuid", "GPU-a", "state", "borrowed")
			}, hour, hour, usage.UnknownState, metric.DeviceSeconds.Name + " uuid=GPU-a state=borrowed",
		},
		"series without a UUID": {
			func(m *memory) {
				m.add(t0+minute, metric.DeviceSeconds, 60, "state", "allocated")
				m.add(t0+minute, metric.ContainerShare, 1, "pod", "p")
			}, hour, hour, usage.UUIDMissing, metric.ContainerShare.Name + " pod=p; " + metric.DeviceSeconds.Name,
		},
		"the same labels with other values": {
			func(m *memory) {
				m.each(metric.ContainerAllocatedSeconds, func(s *series.Series) {
					twin := *s
					twin.Samples = slices.Clone(s.Samples[:200])
					twin.Samples[150].V += 0.5
					m.series["twin"] = &twin
				})
			}, hour, hour, usage.DuplicateSample, "",
		},
		"the same series twice is no fault": {
			func(m *memory) {
				for key, s := range m.series {
					if !strings.HasPrefix(key, "twin") {
						m.series["twin "+key] = s
					}
				}
			}, hour, hour, "", "",
		},
		"samples that are not in order": {
			func(m *memory) {
				m.each(metric.ContainerAllocatedSeconds, func(s *series.Series) { slices.Reverse(s.Samples[150:170]) })
			}, hour, hour, usage.UnorderedSamples, seconds,
		},
		"a GPU that is on two nodes at once": {
			func(m *memory) {
				sc := oneNode()
				sc.node, sc.processes[0].instance = "node-2", "10.0.0.2:9400"
				sc.processes[0].from = -22 * minute
				sc.render(m)
			}, hour, hour, usage.TwoCollectors, "GPU-a",
		},
		"a GPU that moves to another node": {
			func(m *memory) {
				for _, s := range m.series {
					s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T > t0+65*minute })
				}
				m.add(t0+64*minute, metric.DeviceInfo, 1, "uuid", "GPU-a", "node", "node-2", "model", "NVIDIA H200")
			}, hour, hour, usage.GPUInfoAmbiguous, "",
		},
		"a device that saw less than its containers": {
			spoil(metric.DeviceSeconds.Name, func(_ int, p *series.Sample) { p.V *= 0.9 }), hour, hour, usage.HeldDisagrees, "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: -30 * minute, to: 2 * hour})
			sc.processes[0].from = -25 * minute
			sc.render(m)
			test.spoil(m)
			h := closed(t, m, 0, hour)
			var got int64
			for _, s := range h.Segments {
				if s.Pod == "p" {
					got += s.GPUMillis
				}
			}
			if got < test.low || got > test.high {
				t.Errorf("%d GPU-ms, want %d to %d; findings %v", got, test.low, test.high, h.Findings)
			}
			named := slices.ContainsFunc(h.Findings, func(f usage.Finding) bool {
				return f.Code == test.code && strings.HasPrefix(strings.Join(f.Named, "; "), test.named)
			})
			if !named && test.code != "" || test.code == "" && len(h.Findings) > 0 {
				t.Errorf("findings %v, want %q of %q", h.Findings, test.code, test.named)
			}
			checkCoverage(t, h)
		})
	}
}

func TestABirthOnAClockThatIsAheadIsToldFromTheGrowth(t *testing.T) {
	t.Parallel()
	for _, ahead := range []float64{0, 5, 20} {
		m := newMemory()
		oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 2 * hour}).render(m)
		for _, s := range m.series {
			if s.Labels.Get("__name__") == metric.ContainerStartTime.Name {
				for i := range s.Samples {
					s.Samples[i].V += ahead
				}
			}
		}
		got := closed(t, m, 0, hour).Segments[0]
		if got.HeldFrom != t0+10*minute || got.GPUMillis != 50*minute {
			t.Errorf("%g s ahead: held from %d ms, %d GPU-ms", ahead, got.HeldFrom-t0, got.GPUMillis)
		}
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	t.Parallel()
	m := newMemory()
	sc := oneNode()
	for _, letter := range "abcdefghijklmnop" {
		sc.uuids = append(sc.uuids, "GPU-"+string(letter))
	}
	sc.without = metric.DeviceInfo.Name
	sc.render(m)
	h := closed(t, m, 0, hour)
	if len(h.Findings) != 1 || !strings.HasSuffix(h.Findings[0].String(), "GPU-j; and 6 more") {
		t.Errorf("findings: %v", h.Findings)
	}
}
