package meter_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// host is a process of the host.
func host(pid int, name string, utilization, bytes float64) device.Process {
	return device.Process{PID: pid, Name: name, Utilization: &utilization, MemoryUsed: &bytes, Owner: device.Owner{Host: true}}
}

func TestWhoWorksOnAFreeGPU(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	client := process(3, "x", "", 0, 1e6)
	client.Client = true
	blank := host(4, "agent", 0, 0)
	blank.MemoryUsed = nil
	unmeasured := host(5, "", 0, 1e6)
	unmeasured.Utilization = nil
	for name, tc := range map[string]struct {
		utilization float64
		used        float64 // bytes in use on the GPU
		processes   []device.Process
		unresolved  []string
		want        int // strangers; the GPU is unattributed if there are any
	}{
		"nobody":                                            {0, 0, nil, nil, 0},
		"a process with memory":                             {0, gib, []device.Process{host(1, "python", 0, gib)}, nil, 1},
		"one that works with little":                        {0.5, gib, []device.Process{host(1, "python", 0.5, 1e6)}, nil, 1},
		"one that is seen to work on an idle GPU":           {0, gib, []device.Process{host(1, "python", 0.5, 1e6)}, nil, 1},
		"the server of MPS":                                 {0, gib, []device.Process{host(1, "nvidia-cuda-mps", 0, gib)}, nil, 0},
		"the server of MPS and a client that rests":         {0, gib, []device.Process{host(1, "nvidia-cuda-mps", 0, gib), client}, nil, 1},
		"the server of MPS on a GPU that works":             {0.1, gib, []device.Process{host(1, "nvidia-cuda-mps", 0, gib)}, nil, 1},
		"daemons":                                           {0, gib, []device.Process{host(1, "Xorg", 0, gib), host(2, "nv-hostengine", 0, gib)}, nil, 0},
		"a daemon and somebody else":                        {0, gib, []device.Process{host(1, "Xorg", 0, gib), host(2, "python", 0, gib)}, nil, 1},
		"one that keeps little":                             {0, gib, []device.Process{host(1, "agent", 0, 128<<20)}, nil, 0},
		"one that keeps a little more":                      {0, gib, []device.Process{host(1, "agent", 0, 128<<20+1)}, nil, 1},
		"one that keeps little, of a pod":                   {0, gib, []device.Process{process(1, "x", "main", 0, 1e6)}, nil, 0},
		"one that keeps little, not measured":               {0, gib, []device.Process{unmeasured}, nil, 0},
		"one that keeps at most what is in use":             {0, 1e6, []device.Process{blank}, nil, 0},
		"one of which nobody knows what it keeps":           {0, gib, []device.Process{blank}, nil, 1},
		"little, while devices are held that are nowhere":   {0, gib, []device.Process{host(1, "agent", 0, 1e6)}, []string{"shared-0"}, 1},
		"a daemon, while devices are held that are nowhere": {0, gib, []device.Process{host(1, "Xorg", 0, gib)}, []string{"shared-0"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMeter(t)
			g := running(gpu("GPU-a", tc.utilization, 0), tc.processes...)
			g.Reading.MemoryUsed = &tc.used
			a := &meter.Attribution{Unresolved: tc.unresolved}
			poll(m, 0, inventory(g), a)
			d := poll(m, 5, inventory(g), a).Devices[0]
			if d.Others == nil || *d.Others != tc.want {
				t.Errorf("strangers %v, want %d", d.Others, tc.want)
			}
			want := meter.States{Unallocated: 5}
			if tc.want > 0 {
				want = meter.States{Unattributed: 5}
			}
			if d.States != want {
				t.Errorf("states %+v, want %+v", d.States, want)
			}
		})
	}
}

func TestStrangersOnAGPUThatIsHeld(t *testing.T) {
	t.Parallel()
	sole := held(hold("p", "GPU-a", 1, true))
	doubt := held(hold("p", "GPU-a", 0.5, false))
	doubt.Unattributed = map[string]float64{"GPU-a": 0.5}
	unnamed := held(hold("p", "GPU-a", 1, true))
	unnamed.Holdings[0].Holder.PodUID = ""
	unknown := process(9, "", "", 0.1, 1<<30)
	unknown.Owner = device.Owner{}
	own, other, miner := process(1, "p", "main", 0.1, 1<<30), process(2, "x", "main", 0.1, 1<<30), host(3, "miner", 0.1, 1<<30)
	for name, tc := range map[string]struct {
		a         *meter.Attribution
		processes []device.Process
		want      int // -1 for unknown
	}{
		"its own":                                     {sole, []device.Process{own}, 0},
		"another pod's and the host's":                {sole, []device.Process{own, other, miner}, 2},
		"the server of MPS, at work":                  {sole, []device.Process{own, host(4, "nvidia-cuda-mps", 0.5, 1<<30)}, 0},
		"a daemon that waits":                         {sole, []device.Process{own, host(4, "Xorg", 0, 1<<30)}, 0},
		"a daemon that works":                         {sole, []device.Process{own, host(4, "Xorg", 0.1, 1<<30)}, 1},
		"one that can't be looked up":                 {sole, []device.Process{own, unknown}, -1},
		"one that can't be looked up, and a stranger": {sole, []device.Process{own, unknown, miner}, 1},
		"of a pod, which may be the one in doubt":     {doubt, []device.Process{own, other}, -1},
		"of the host, which is not the one in doubt":  {doubt, []device.Process{own, other, miner}, 1},
		"of a pod, where the holder's UID is unknown": {unnamed, []device.Process{other}, 0},
		"of the host, where it is unknown":            {unnamed, []device.Process{other, miner}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := -1
			if n := poll(newMeter(t), 0, inventory(running(gpu("GPU-a", 0.5, 0), tc.processes...)), tc.a).Devices[0].Others; n != nil {
				got = *n
			}
			if got != tc.want {
				t.Errorf("strangers %d, want %d", got, tc.want)
			}
			m, err := meter.New(meter.Config{Start: origin})
			if err != nil {
				t.Fatal(err)
			}
			if n := poll(m, 0, inventory(running(gpu("GPU-a", 0.5, 0), tc.processes...)), tc.a).Devices[0].Others; n != nil {
				t.Errorf("strangers %d where owners are not looked for, want unknown", *n)
			}
		})
	}
}

// Where the driver listed processes before, a list that fails hides strangers.
func TestAListOfProcessesThatFails(t *testing.T) {
	t.Parallel()
	m := newMeter(t)
	a := held(hold("p", "GPU-a", 1, true))
	never := gpu("GPU-a", 0.5, 0)
	poll(m, 0, inventory(never), a)
	near(t, "observed without any list", poll(m, 2, inventory(never), a).Holdings[0].Observed, 2)
	poll(m, 4, inventory(running(never, process(1, "p", "main", 0.5, 0))), a)
	h := poll(m, 6, inventory(never), a).Holdings[0]
	if near(t, "observed", h.Observed, 4); h.MemoryUsed != nil || h.ActivityKnown {
		t.Errorf("what it does is known: %+v", h)
	}
	near(t, "observed on an idle GPU", poll(m, 8, inventory(gpu("GPU-a", 0, 0)), a).Holdings[0].Observed, 6)
}

// What is split is what the tenants did, not what others did.
func TestAStrangersWorkIsNotSplit(t *testing.T) {
	t.Parallel()
	m, err := meter.New(meter.Config{Start: origin, ByProcess: true, SplitEvenly: true})
	if err != nil {
		t.Fatal(err)
	}
	unmeasured := process(1, "p", "main", 0, 0)
	unmeasured.Utilization, unmeasured.MemoryUsed = nil, nil
	g := running(gpu("GPU-a", 0.75, 0), unmeasured, host(3, "miner", 0.25, 1<<29))
	poll(m, 0, inventory(g), sharers())
	g.Reading.Energy = ptr(300)
	s := poll(m, 4, inventory(g), sharers())
	for i, want := range []struct{ active, memory, joules float64 }{{4 * 0.5 / 3, 4 * (1 << 29) / 3.0, 300 * (0.5 / 3) / 0.75}, {4 * 1.0 / 3, 4 * (1 << 29) / 1.5, 300 * (1 / 3.0) / 0.75}} {
		h := s.Holdings[i]
		near(t, h.Holder.Pod+" active", h.Active, want.active)
		near(t, h.Holder.Pod+" byte-seconds", or(h.MemoryByteSeconds, -1)/1e9, want.memory/1e9)
		near(t, h.Holder.Pod+" joules", or(h.Energy, -1), want.joules)
	}
}

func TestStrangersAreNamedOnceInTenMinutes(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	clock := origin
	source := inventories{inventory(running(gpu("GPU-a", 0.5, 0), host(3, "miner", 0.5, 1<<30)))}
	l, err := meter.NewLoop(meter.LoopConfig{
		Source: source, Now: func() time.Time { return clock }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 11 * 60 {
		if err := l.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Second)
	}
	if n := strings.Count(log.String(), "pid=3 name=miner"); n != 2 {
		t.Errorf("%d lines, want 2:\n%s", n, log.String())
	}
}

// inventories gives the same one each time.
type inventories struct{ inv *device.Inventory }

func (s inventories) Inventory(context.Context) (device.Inventory, error) { return *s.inv, nil }
