package meter_test

import (
	"testing"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// process is one of a pod's container with the given utilization and memory.
func process(pid int, pod, container string, utilization, bytes float64) device.Process {
	return device.Process{
		PID: pid, Utilization: ptr(utilization), MemoryUsed: ptr(bytes),
		Owner: device.Owner{PodUID: "uid-" + pod, Container: container},
	}
}

// running is a GPU with processes that are told apart.
func running(g device.GPU, ps ...device.Process) device.GPU {
	g.Reading.Running = append([]device.Process{}, ps...)
	g.Reading.Processes = len(ps)
	return g
}

// sharers are two containers that hold a quarter and a half of GPU-a.
func sharers() *meter.Attribution {
	return held(hold("p", "GPU-a", 0.25, false), hold("q", "GPU-a", 0.5, false))
}

func TestWorkOnASharedGPUIsThatOfTheProcesses(t *testing.T) {
	t.Parallel()
	stranger := process(9, "x", "main", 0.1, 5)
	stranger.Owner = device.Owner{}
	blank := process(1, "p", "", 0.2, 100)
	unmeasured := process(1, "p", "main", 0, 100)
	unmeasured.Utilization = nil
	type want struct {
		known                        bool
		active, idle, memory, joules float64
	}
	unknown := want{memory: -1, joules: -1}
	for name, tc := range map[string]struct {
		processes []device.Process
		want      [2]want
	}{
		"each container is what its processes are": {
			[]device.Process{process(1, "p", "main", 0.1, 100), process(2, "p", "main", 0.1, 50), process(3, "q", "main", 0.3, 7)},
			[2]want{{true, 0.8, 0, 600, 160}, {true, 1.2, 0, 28, 240}},
		},
		"activity is at most the share": {
			[]device.Process{process(1, "p", "main", 0.75, 100), process(3, "q", "main", 0.25, 0)},
			[2]want{{true, 1, 0, 400, 200}, {true, 1, 0, 0, 200}},
		},
		"a container without processes is idle": {
			[]device.Process{process(1, "p", "main", 0.2, 100)},
			[2]want{{true, 0.8, 0, 400, 400}, {true, 0, 2, 0, 0}},
		},
		"a process that is nobody's makes all unknown": {
			[]device.Process{process(1, "p", "main", 0.2, 100), stranger}, [2]want{unknown, unknown},
		},
		"none listed on a busy GPU makes all unknown": {nil, [2]want{unknown, unknown}},
		"a process of the only container of a pod needs no name": {
			[]device.Process{blank}, [2]want{{true, 0.8, 0, 400, 400}, {true, 0, 2, 0, 0}},
		},
		"memory can be known where activity is not": {
			[]device.Process{unmeasured}, [2]want{{false, 0, 0, 400, -1}, {true, 0, 2, 0, -1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			poll(m, 0, inventory(running(gpu("GPU-a", 0.5, 0), tc.processes...)), sharers())
			s := poll(m, 4, inventory(running(gpu("GPU-a", 0.5, 400), tc.processes...)), sharers())
			for i, w := range tc.want {
				h := s.Holdings[i]
				if h.ActivityKnown != w.known {
					t.Errorf("%s: activity known %v, want %v", h.Holder.Pod, h.ActivityKnown, w.known)
				}
				observed := 0.0
				if w.known {
					observed = h.Allocated
				}
				near(t, h.Holder.Pod+" observed", h.Observed, observed)
				near(t, h.Holder.Pod+" active", h.Active, w.active)
				near(t, h.Holder.Pod+" idle", h.Idle, w.idle)
				near(t, h.Holder.Pod+" byte-seconds", or(h.MemoryByteSeconds, -1), w.memory)
				near(t, h.Holder.Pod+" joules", or(h.Energy, -1), w.joules)
			}
		})
	}
}

func or(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}

func TestContainersOfOnePodAreToldApartByName(t *testing.T) {
	t.Parallel()
	a := sharers()
	a.Holdings[1].Holder = a.Holdings[0].Holder
	a.Holdings[1].Holder.Container = "side"
	for name, tc := range map[string]struct {
		process device.Process
		main    float64 // -1 if unknown
		side    float64
	}{
		"a name that is known":      {process(1, "p", "side", 0.25, 1), 0, 1},
		"a name that is not":        {process(1, "p", "", 0.25, 1), -1, -1},
		"a container without a GPU": {process(1, "p", "other", 0.25, 1), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			inv := inventory(running(gpu("GPU-a", 0.5, 0), tc.process))
			poll(m, 0, inv, a)
			for i, h := range poll(m, 4, inv, a).Holdings {
				want := []float64{tc.main, tc.side}[i]
				if h.ActivityKnown != (want >= 0) {
					t.Errorf("%s: activity known %v", h.Holder.Container, h.ActivityKnown)
				}
				near(t, h.Holder.Container, h.Active, max(0, want))
			}
		})
	}
}

func TestSplitOnRequest(t *testing.T) {
	t.Parallel()
	m, err := meter.New(meter.Config{Start: origin, SplitEvenly: true})
	if err != nil {
		t.Fatal(err)
	}
	poll(m, 0, inventory(gpu("GPU-a", 0.3, 0)), sharers())
	s := poll(m, 10, inventory(gpu("GPU-a", 0.3, 900)), sharers())
	for i, want := range []struct{ active, memory, joules float64 }{{1, 10.0 / 3, 300}, {2, 20.0 / 3, 600}} {
		h := s.Holdings[i]
		near(t, "active", h.Active, want.active)
		near(t, "memory", *h.MemoryByteSeconds/(1<<30), want.memory)
		near(t, "energy", *h.Energy, want.joules)
	}
}

// sliced is a GPU with MIG on: the driver tells of its instances only.
func sliced(busy float64, instances ...string) device.GPU {
	g := gpu("GPU-a", 0, 0)
	g.Reading.Utilization = nil
	for _, uuid := range instances {
		g.MIG = append(g.MIG, device.MIGInstance{UUID: uuid, Reading: &device.Reading{Up: true, Utilization: ptr(busy), MemoryUsed: ptr(100)}})
	}
	return g
}

func TestMIGInstancesWorkForTheirHolder(t *testing.T) {
	t.Parallel()
	p, q := hold("p", "GPU-a", 3.0/7, false), hold("q", "GPU-a", 1.0/7, false)
	p.Parts = []device.Part{{Instance: "MIG-1", Share: 2.0 / 7, Sole: true}, {Instance: "MIG-2", Share: 1.0 / 7, Sole: true}}
	q.Parts = []device.Part{{Instance: "MIG-3", Share: 1.0 / 7}}
	m := newMeter(t)
	inv := inventory(sliced(0.5, "MIG-1", "MIG-2", "MIG-3"))
	poll(m, 0, inv, held(p, q))
	s := poll(m, 7, inv, held(p, q))
	near(t, "p observed", s.Holdings[0].Observed, 3)
	near(t, "p active", s.Holdings[0].Active, 1.5)
	near(t, "p memory", *s.Holdings[0].MemoryByteSeconds, 1400)
	if h := s.Holdings[1]; h.ActivityKnown || h.Observed != 0 {
		t.Errorf("q shares its instance, yet %+v", h)
	}
}

// integrated is a GPU whose driver has samples: busy for the given seconds so far.
func integrated(seconds float64) device.GPU {
	g := gpu("GPU-a", 1, 0) // the rate is off, as a rate may be
	g.Reading.Active = ptr(seconds)
	return g
}

func TestBusyTimeIsTheDriversOwnWhereItHasIt(t *testing.T) {
	t.Parallel()
	a := held(hold("p", "GPU-a", 1, true))
	for name, tc := range map[string]struct {
		readings []float64 // one each second, -1 for none
		want     float64
	}{
		"the difference":                         {[]float64{5, 5.25, 5.5, 6}, 1},
		"a first reading adds nothing by itself": {[]float64{100, 100, 100}, 0},
		"late samples are made up for":           {[]float64{0, 0, 1.5, 2}, 2},
		"no more than time that passed":          {[]float64{0, 0.5, 9, 9}, 0.5 + 1 + 1},
		"an origin that changed begins anew":     {[]float64{50, 50.5, 0.25, 0.5}, 0.5 + 1 + 0.25},
		"the rate where there is none":           {[]float64{5, -1, 7, 7.5}, 1 + 1 + 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			var s *meter.Snapshot
			for i, r := range tc.readings {
				g := integrated(r)
				if r < 0 {
					g.Reading.Active = nil
				}
				s = poll(m, float64(i), inventory(g), a)
			}
			near(t, "device", *s.Devices[0].Active, tc.want)
			near(t, "container", s.Holdings[0].Active, tc.want)
		})
	}
}

func TestWhatTheDriverCountedWhileNobodyLookedIsNotCharged(t *testing.T) {
	t.Parallel()
	a := held(hold("p", "GPU-a", 1, true))
	at := func(joules, active float64) *device.Inventory {
		g := integrated(active)
		g.Reading.Energy = ptr(joules)
		return inventory(g)
	}
	for name, polls := range map[string]func(m *meter.Meter) *meter.Snapshot{
		"a stall beyond the cap": func(m *meter.Meter) *meter.Snapshot {
			poll(m, 0, at(0, 0), a)
			poll(m, 1, at(100, 0.5), a)
			poll(m, 60, at(9000, 50), a)
			return poll(m, 61, at(9100, 50.5), a)
		},
		"before the kubelet answered for the first time": func(m *meter.Meter) *meter.Snapshot {
			poll(m, 0, at(0, 0), nil)
			poll(m, 60, at(9000, 50), a)
			poll(m, 61, at(9100, 50.5), a)
			return poll(m, 62, at(9200, 51), a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := polls(newMeter(t))
			near(t, "device energy", *s.Devices[0].Energy, 200)
			near(t, "container energy", *s.Holdings[0].Energy, 200)
		})
	}
}

func TestUnallocatedIsNeverBelowZero(t *testing.T) {
	t.Parallel()
	var a meter.Attribution
	for i := range 7 { // sevenths sum to a little more or less than 1
		a.Holdings = append(a.Holdings, hold(string(rune('a'+i)), "GPU-a", 1.0/7, false))
	}
	a.Unattributed = map[string]float64{"GPU-a": 0.1}
	m := newMeter(t)
	before := poll(m, 0, inventory(gpu("GPU-a", 0, 0)), &a).Devices[0].States
	for s := 1.0; s < 500; s++ {
		now := poll(m, s, inventory(gpu("GPU-a", 0, 0)), &a).Devices[0].States
		if now.Unallocated < before.Unallocated || now.Unattributed < before.Unattributed || now.Unallocated < 0 {
			t.Fatalf("after %v s: %+v, before %+v", s, now, before)
		}
		before = now
	}
}
