package meter_test

import (
	"math"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

var origin = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func ptr(v float64) *float64 { return &v }

// gpu is a healthy GPU that is busy at the given ratio and has drawn the given energy.
func gpu(uuid string, utilization, joules float64) device.GPU {
	return device.GPU{UUID: uuid, Model: "NVIDIA H200", Reading: device.Reading{
		Up: true, Utilization: ptr(utilization), MemoryUsed: ptr(1 << 30), MemoryTotal: ptr(141 << 30), Energy: ptr(joules),
	}}
}

func hold(pod, uuid string, share float64, sole bool) device.Holding {
	return device.Holding{
		Holder: device.Holder{Namespace: "ns", Pod: pod, PodUID: "uid-" + pod, Container: "main"},
		UUID:   uuid, Share: share, Sole: sole,
	}
}

func newMeter(t testing.TB) *meter.Meter {
	t.Helper()
	m, err := meter.New(meter.Config{Start: origin, ByProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// poll observes at origin + s seconds.
func poll(m *meter.Meter, s float64, inv *device.Inventory, a *meter.Attribution) *meter.Snapshot {
	return m.Observe(meter.Observation{At: origin.Add(time.Duration(s * float64(time.Second))), Inventory: inv, Holders: a})
}

func inventory(gpus ...device.GPU) *device.Inventory { return &device.Inventory{GPUs: gpus} }

func held(hs ...device.Holding) *meter.Attribution { return &meter.Attribution{Holdings: hs} }

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestTimeIsChargedToWhatTheEarlierPollSaw(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	poll(m, 0, inventory(gpu("GPU-a", 0, 0)), held())
	poll(m, 1, inventory(gpu("GPU-a", 0, 0)), held(hold("p", "GPU-a", 1, true)))
	poll(m, 2, inventory(gpu("GPU-a", 0.5, 700)), held(hold("p", "GPU-a", 1, true)))
	s := poll(m, 4.5, inventory(gpu("GPU-a", 0, 900)), held())

	d := s.Devices[0]
	near(t, "unallocated", d.States.Unallocated, 1)
	near(t, "allocated", d.States.Allocated, 3.5)
	near(t, "device active", *d.Active, 0.5)
	near(t, "device energy", *d.Energy, 900)

	h := s.Holdings[0]
	near(t, "container allocated", h.Allocated, 3.5)
	near(t, "container active", h.Active, 0.5)
	near(t, "container idle", h.Idle, 2.5)
	near(t, "container observed", h.Observed, 3.5)
	near(t, "container energy", *h.Energy, 900)
	near(t, "container byte-seconds", *h.MemoryByteSeconds, 3.5*(1<<30))
	if h.Start != origin.Add(time.Second) || h.End != origin.Add(4500*time.Millisecond) || h.Share != 0 {
		t.Errorf("holding from %s to %s with share %v, want from 1 s to 4.5 s and 0", h.Start, h.End, h.Share)
	}
}

func TestSharesOfAGPUArePartsOfIt(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	a := held(hold("p", "GPU-a", 0.25, false), hold("q", "GPU-a", 0.5, false))
	poll(m, 0, inventory(gpu("GPU-a", 1, 0)), a)
	s := poll(m, 8, inventory(gpu("GPU-a", 1, 100)), a)

	near(t, "allocated", s.Devices[0].States.Allocated, 6)
	near(t, "unallocated", s.Devices[0].States.Unallocated, 2)
	near(t, "p", s.Holdings[0].Allocated, 2)
	near(t, "q", s.Holdings[1].Allocated, 4)
	for _, h := range s.Holdings {
		if h.Observed != 0 || h.Active != 0 || h.MemoryUsed != nil || h.MemoryByteSeconds != nil || h.Energy != nil || h.ActivityKnown {
			t.Errorf("%s: activity of a shared GPU is shown as known: %+v", h.Holder.Pod, h)
		}
	}
}

func TestWholeGPUGoesToOneStateWhenItIsNotUsable(t *testing.T) {
	t.Parallel()
	lost := gpu("GPU-a", 0, 0)
	lost.Reading = device.Reading{Up: false, Reason: "lost"}
	foreign := gpu("GPU-a", 1, 0)
	foreign.Reading.Processes = 2
	for name, tc := range map[string]struct {
		gpu  device.GPU
		a    *meter.Attribution
		want meter.States
	}{
		"a lost GPU is unavailable and its holder is not charged": {
			lost, held(hold("p", "GPU-a", 1, true)), meter.States{Unavailable: 5},
		},
		"a GPU held by nobody knows whom is unattributed": {
			gpu("GPU-a", 1, 0), &meter.Attribution{Unattributed: map[string]float64{"GPU-a": 1}}, meter.States{Unattributed: 5},
		},
		"a GPU used by a process outside Kubernetes is unattributed": {
			foreign, held(), meter.States{Unattributed: 5},
		},
		"a held GPU with processes is allocated": {
			foreign, held(hold("p", "GPU-a", 1, true)), meter.States{Allocated: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			poll(m, 0, inventory(tc.gpu), tc.a)
			s := poll(m, 5, inventory(tc.gpu), tc.a)
			if got := s.Devices[0].States; got != tc.want {
				t.Errorf("states %+v, want %+v", got, tc.want)
			}
			for _, h := range s.Holdings {
				near(t, "container", h.Allocated, tc.want.Allocated)
			}
		})
	}
}

func TestShareInDisputeIsUnattributedBesideClearNeighbours(t *testing.T) {
	t.Parallel()
	a := held(hold("p", "GPU-a", 0.25, false))
	a.Unattributed = map[string]float64{"GPU-a": 0.5}
	m := newMeter(t)
	poll(m, 0, inventory(gpu("GPU-a", 1, 0)), a)
	s := poll(m, 8, inventory(gpu("GPU-a", 1, 0)), a)
	if got, want := s.Devices[0].States, (meter.States{Allocated: 2, Unattributed: 4, Unallocated: 2}); got != want {
		t.Errorf("states %+v, want %+v", got, want)
	}
	near(t, "p", s.Holdings[0].Allocated, 2)
}

func TestShareInDisputeWithProcessesStaysAShare(t *testing.T) {
	t.Parallel()
	shared := gpu("GPU-a", 1, 0)
	shared.Reading.Processes = 1 // of the container that is not clear
	a := &meter.Attribution{Unattributed: map[string]float64{"GPU-a": 0.25}}
	m := newMeter(t)
	poll(m, 0, inventory(shared), a)
	s := poll(m, 8, inventory(shared), a)
	if got, want := s.Devices[0].States, (meter.States{Unattributed: 2, Unallocated: 6}); got != want {
		t.Errorf("states %+v, want %+v", got, want)
	}
}

func TestGapsAreChargedUpToTheCapAndCounted(t *testing.T) {
	t.Parallel()
	a, inv := held(hold("p", "GPU-a", 1, true)), inventory(gpu("GPU-a", 0, 0))
	for name, tc := range map[string]struct {
		polls            func(m *meter.Meter) *meter.Snapshot
		charged, skipped float64
	}{
		"a stall below the cap is charged": {
			func(m *meter.Meter) *meter.Snapshot { return poll(m, 9, inv, a) }, 9, 0,
		},
		"a stall beyond the cap is charged up to it": {
			func(m *meter.Meter) *meter.Snapshot { return poll(m, 60, inv, a) }, 10, 50,
		},
		"a kubelet that does not answer is bridged up to the cap": {
			func(m *meter.Meter) *meter.Snapshot {
				for s := 1.0; s < 30; s++ {
					poll(m, s, inv, nil)
				}
				return poll(m, 30, inv, a)
			}, 10, 20,
		},
		"a driver that does not answer is bridged up to the cap": {
			func(m *meter.Meter) *meter.Snapshot {
				for s := 1.0; s < 30; s++ {
					poll(m, s, nil, a)
				}
				return poll(m, 30, inv, a)
			}, 10, 20,
		},
		"halves that fail in turn are known since the last whole poll": {
			func(m *meter.Meter) *meter.Snapshot {
				for s := 1.0; s < 30; s += 2 {
					poll(m, s, inv, nil)
					poll(m, s+1, nil, a)
				}
				return poll(m, 31, inv, a)
			}, 10, 21,
		},
		"time that runs backwards is not charged": {
			func(m *meter.Meter) *meter.Snapshot { poll(m, -5, inv, a); return poll(m, 2, inv, a) }, 2, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			poll(m, 0, inv, a)
			s := tc.polls(m)
			near(t, "allocated", s.Devices[0].States.Allocated, tc.charged)
			near(t, "container", s.Holdings[0].Allocated, tc.charged)
			near(t, "unobserved", s.Unobserved.Seconds(), tc.skipped)
		})
	}
}

// One half or both are not known from the start, for as long as the polls say.
func TestTimeBeforeAnythingIsKnownIsUnobserved(t *testing.T) {
	t.Parallel()
	inv := inventory(gpu("GPU-a", 0, 0))
	a := held(hold("p", "GPU-a", 1, true))
	for name, tc := range map[string]struct {
		polls               func(m *meter.Meter) *meter.Snapshot
		unobserved, charged float64
	}{
		"the first poll knows all": {
			func(m *meter.Meter) *meter.Snapshot { poll(m, 3, inv, a); return poll(m, 4, inv, a) }, 0, 1,
		},
		"the kubelet is away": {
			func(m *meter.Meter) *meter.Snapshot {
				poll(m, 2, inv, nil)
				poll(m, 60, inv, nil)
				poll(m, 61, inv, a)
				return poll(m, 63, inv, a)
			}, 61, 2,
		},
		"the driver is away": {
			func(m *meter.Meter) *meter.Snapshot {
				poll(m, 2, nil, a)
				poll(m, 5, inv, a)
				return poll(m, 6, inv, a)
			}, 5, 1,
		},
		"both are away for ever": {
			func(m *meter.Meter) *meter.Snapshot { poll(m, 2, nil, nil); return poll(m, 100, inv, nil) }, 100, 0,
		},
		"each is away in turn": {
			func(m *meter.Meter) *meter.Snapshot {
				poll(m, 1, inv, nil)
				poll(m, 2, nil, a)
				return poll(m, 3, inv, a)
			}, 3, 0,
		},
		"the clock is set back meanwhile": {
			func(m *meter.Meter) *meter.Snapshot {
				poll(m, 5, inv, nil)
				poll(m, 2, inv, nil)
				return poll(m, 6, inv, a)
			}, 6, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.polls(newMeter(t))
			near(t, "unobserved", s.Unobserved.Seconds(), tc.unobserved)
			near(t, "allocated", s.Devices[0].States.Allocated, tc.charged)
		})
	}
}

func TestEndedHoldingStaysForTheRetention(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	inv := inventory(gpu("GPU-a", 0, 0))
	poll(m, 0, inv, held(hold("p", "GPU-a", 1, true)))
	poll(m, 1, inv, held())
	for s := 2.0; s <= 601; s++ {
		if got := len(poll(m, s, inv, held()).Holdings); got != 1 {
			t.Fatalf("after %v s: %d holdings, want the ended one still there", s, got)
		}
	}
	if got := len(poll(m, 602, inv, held()).Holdings); got != 0 {
		t.Errorf("after the retention: %d holdings, want 0", got)
	}
}

func TestHoldingThatComesBackContinuesItsCounter(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	inv, a := inventory(gpu("GPU-a", 0, 0)), held(hold("p", "GPU-a", 1, true))
	poll(m, 0, inv, a)
	poll(m, 3, inv, held())
	poll(m, 5, inv, a)
	s := poll(m, 9, inv, a)
	near(t, "container", s.Holdings[0].Allocated, 7)
	if h := s.Holdings[0]; h.Start != origin || !h.End.IsZero() {
		t.Errorf("start %s, end %s; want the first start and no end", h.Start, h.End)
	}
}

// Nobody knows what lies between a reading and a lower one that follows it.
func TestAFallOfTheEnergyChargesNobody(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	a := held(hold("p", "GPU-a", 1, true))
	poll(m, 0, inventory(gpu("GPU-a", 0, 5000)), a)
	poll(m, 1, inventory(gpu("GPU-a", 0, 5100)), a)
	poll(m, 2, inventory(gpu("GPU-a", 0, 30)), a)
	s := poll(m, 3, inventory(gpu("GPU-a", 0, 80)), a)
	near(t, "device", *s.Devices[0].Energy, 150)
	near(t, "container", *s.Holdings[0].Energy, 150)
}

func TestVanishedGPUChargesNobody(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	a := held(hold("p", "GPU-a", 1, true))
	poll(m, 0, inventory(gpu("GPU-a", 0, 0), gpu("GPU-b", 0, 0)), a)
	poll(m, 1, inventory(gpu("GPU-b", 0, 0)), a)
	s := poll(m, 5, inventory(gpu("GPU-b", 0, 0)), a)
	near(t, "vanished GPU", s.Devices[0].States.Allocated, 1)
	near(t, "container", s.Holdings[0].Allocated, 1)
	near(t, "the other GPU", s.Devices[1].States.Unallocated, 5)
	if s.Devices[0].Current || !s.Devices[1].Current {
		t.Error("the vanished GPU is shown as current, or the other is not")
	}
}
