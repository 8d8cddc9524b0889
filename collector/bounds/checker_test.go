package bounds_test

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/bounds"
	"github.com/gputally/gputally/collector/device"
)

var origin = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

const uuid = "GPU-a"

// bench checks one GPU after the other.
type bench struct {
	*bounds.Checker
	log bytes.Buffer
	now time.Time
}

func newBench() *bench {
	b := &bench{now: origin}
	b.Checker = bounds.New(slog.New(slog.NewTextHandler(&b.log, nil)))
	return b
}

// after reads the GPU some time after the reading before.
func (b *bench) after(d time.Duration, session int, g device.GPU) device.GPU {
	b.now = b.now.Add(d)
	g.UUID = uuid
	inv := device.Inventory{Session: session, GPUs: []device.GPU{g}}
	b.Check(&inv, b.now, b.now)
	return inv.GPUs[0]
}

func (b *bench) joules(d time.Duration, session int, joules float64) *float64 {
	return b.after(d, session, device.GPU{MaxPower: new(400.0), Reading: device.Reading{Energy: &joules}}).Reading.Energy
}

func TestEnergyIsACounterThatNeverFalls(t *testing.T) {
	t.Parallel()
	const life = 126e6 // J
	type reading struct {
		after   time.Duration
		session int
		joules  float64
		want    float64 // -1 for unknown
	}
	lasting := func(joules float64, n int, want float64) []reading { // a second apart
		var all []reading
		for range n {
			all = append(all, reading{time.Second, 1, joules, want})
		}
		return all
	}
	known := []reading{{0, 1, life, 0}, {time.Second, 1, life + 200, 200}}
	for name, tc := range map[string]struct{ then []reading }{
		"it goes on": {[]reading{{time.Second, 1, life + 500, 500}}},
		"it stands":  {[]reading{{time.Second, 1, life + 200, 200}}},
		"a fall by a little is not believed, nor is what would follow from it": {
			[]reading{{time.Second, 1, life + 199, -1}, {time.Second, 1, life + 300, 300}},
		},
		"nor is a fall to nothing":   {[]reading{{time.Second, 1, 0, -1}, {time.Second, 1, life + 300, 300}}},
		"nor is a jump":              {[]reading{{time.Second, 1, 2 * life, -1}, {time.Second, 1, life + 300, 300}}},
		"nor is one below zero":      {[]reading{{time.Second, 1, -1, -1}, {time.Second, 1, life + 300, 300}}},
		"nor is what is no number":   {[]reading{{time.Second, 1, math.NaN(), -1}, {time.Second, 1, life + 300, 300}}},
		"one that is just too large": {[]reading{{2 * time.Second, 1, life + 200 + 1201, -1}, {time.Second, 1, life + 300, 300}}},
		"as much as a card can draw at its peaks": {
			[]reading{{2 * time.Second, 1, life + 200 + 1200, 1400}, {100 * time.Millisecond, 1, life + 2000, 2000}},
		},
		"what was drawn over readings that can't be is not lost": {
			[]reading{{time.Second, 1, 0, -1}, {time.Second, 1, 1, -1}, {time.Second, 1, life + 200 + 1700, 1900}},
		},
		"another session begins at 0":        {[]reading{{time.Second, 2, 100, 300}, {time.Second, 2, 150, 350}}},
		"another session of the same driver": {[]reading{{time.Second, 2, life + 300, 300}}},
		"another session, at a number of its own: nobody knows what lies between": {
			[]reading{{time.Second, 2, 1e6, 200}, {time.Second, 2, 1e6 + 100, 300}},
		},
		"a fall in the middle of another session is none": {
			[]reading{{time.Second, 2, 100, 300}, {time.Second, 2, 150, 350}, {time.Second, 2, 50, -1}, {time.Second, 2, 160, 360}},
		},
		"a fall that stays is followed from there, and nothing is made of it": {
			append(lasting(5000, 10, -1), reading{time.Second, 1, 5000, 200}, reading{time.Second, 1, 5100, 300}),
		},
		"a jump that stays likewise": {
			append(lasting(2*life, 10, -1), reading{time.Second, 1, 2 * life, 200}, reading{time.Second, 1, 2*life + 100, 300}),
		},
		"a jump that is read twice over a long pause has not stayed": {
			[]reading{{time.Second, 1, 2 * life, -1}, {time.Minute, 1, 2 * life, -1}, {time.Second, 1, life + 300, 300}},
		},
		"jumps here and there are never followed": {
			append(append(lasting(2*life, 9, -1), lasting(3*life, 9, -1)...), lasting(0, 9, -1)...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			for i, r := range append(known[:2:2], tc.then...) {
				got := -1.0
				if e := b.joules(r.after, r.session, r.joules); e != nil {
					got = *e
				}
				if math.Abs(got-r.want) > 1e-6 {
					t.Fatalf("reading %d of %v J: got %v, want %v", i, r.joules, got, r.want)
				}
			}
		})
	}
}

// The first reading may be the one that can't be: nothing is made of that.
func TestOfTwoReadingsThatDisagreeNeitherIsBelieved(t *testing.T) {
	t.Parallel()
	for _, first := range []float64{0, 5e9} {
		b := newBench()
		b.joules(0, 1, first)
		if got := b.joules(time.Second, 1, 126e6); got != nil {
			t.Errorf("after %v J: got %v J, want unknown", first, *got)
		}
		for i, want := range []float64{100, 200} {
			if got := b.joules(time.Second, 1, 126e6+want); got == nil || *got != want {
				t.Errorf("after %v J, reading %d: got %v, want %v J", first, i, got, want)
			}
		}
	}
}

// An honest card is believed at every reading, however the readings fall: it
// draws up to its limit, and above it for a moment.
func TestNoHonestReadingIsCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		limit := rapid.SampledFrom([]float64{70, 400, 700, 1400}).Draw(t, "limit")
		total := 141e9
		joules := rapid.Float64Range(0, 1e12).Draw(t, "joules")
		first := math.NaN() // where it begins to be followed
		for range rapid.IntRange(1, 50).Draw(t, "readings") {
			d := time.Duration(rapid.IntRange(1, 20_000).Draw(t, "ms")) * time.Millisecond
			power := limit * rapid.Float64Range(0, 1.5).Draw(t, "load")
			joules += power * d.Seconds() * 0.999 // the sum of floats rounds
			busy := rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "busy")
			g := b.after(d, 1, device.GPU{MaxPower: &limit, Reading: device.Reading{
				Utilization: &busy, MemoryUsed: new(busy * total), MemoryTotal: &total, Power: &power,
				Temperature: new(30 + 70*busy), Energy: &joules, SM: &busy, Tensor: &busy, DRAM: &busy,
				Running: []device.Process{{PID: 1, Utilization: &busy, MemoryUsed: new(busy * total)}},
				Health:  &device.Health{ECCCorrected: new(1e6), PCIeSent: new(1e16)},
			}})
			if len(g.Reading.Impossible) > 0 {
				t.Fatalf("left out: %+v", g.Reading.Impossible)
			}
			if math.IsNaN(first) {
				first = joules
			}
			if e := *g.Reading.Energy; math.Abs(e-(joules-first)) > 1e-2 {
				t.Fatalf("got %v J, want %v J", e, joules-first)
			}
		}
	})
}

func TestWhatCanNotBeIsUnknownCountedAndNamedOnce(t *testing.T) {
	t.Parallel()
	good := func() device.GPU {
		return device.GPU{
			Model: "NVIDIA H200", MaxPower: new(700.0),
			MIG: []device.MIGInstance{{UUID: "MIG-1", Reading: &device.Reading{
				Up: true, Utilization: new(0.5), MemoryUsed: new(1e9), MemoryTotal: new(18e9), SM: new(0.5), Tensor: new(0.5), DRAM: new(0.5),
			}}},
			Reading: device.Reading{
				Up: true, Utilization: new(0.5), MemoryUsed: new(70e9), MemoryTotal: new(141e9), Power: new(500.0), Temperature: new(50.0),
				SM: new(0.5), Tensor: new(0.5), DRAM: new(0.5),
				Running: []device.Process{{PID: 1, Utilization: new(0.5), MemoryUsed: new(70e9)}, {PID: 2, Instance: "MIG-1", MemoryUsed: new(1e9)}},
				Health:  &device.Health{ECCCorrected: new(1.0), Throttled: device.Throttled{Thermal: new(1.0)}, NVLinkWireSent: new(1.0)},
			},
		}
	}
	allBits := float64(math.MaxUint64)
	for name, tc := range map[string]struct {
		kind  string
		place func(*device.GPU) []**float64
		value float64
	}{
		"utilization":                      {device.ReadingUtilization, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Utilization} }, math.MaxUint32 / 100},
		"utilization of an instance":       {device.ReadingUtilization, func(g *device.GPU) []**float64 { return []**float64{&g.MIG[0].Reading.Utilization} }, 1.2},
		"multiprocessors":                  {device.ReadingActivity, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.SM} }, 1.2},
		"tensor cores":                     {device.ReadingActivity, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Tensor} }, math.Inf(1)},
		"memory bandwidth of an instance":  {device.ReadingActivity, func(g *device.GPU) []**float64 { return []**float64{&g.MIG[0].Reading.DRAM} }, -0.1},
		"memory in use":                    {device.ReadingMemory, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.MemoryUsed} }, 142e9},
		"memory installed":                 {device.ReadingMemory, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.MemoryTotal} }, 80e9},
		"memory installed, all bits set":   {device.ReadingMemory, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.MemoryTotal} }, allBits},
		"memory of an instance":            {device.ReadingMemory, func(g *device.GPU) []**float64 { return []**float64{&g.MIG[0].Reading.MemoryTotal} }, 142e9},
		"memory in use of an instance":     {device.ReadingMemory, func(g *device.GPU) []**float64 { return []**float64{&g.MIG[0].Reading.MemoryUsed} }, 19e9},
		"power":                            {device.ReadingPower, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Power} }, 1051},
		"temperature":                      {device.ReadingTemperature, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Temperature} }, 151},
		"utilization of a process":         {device.ReadingProcessUtilization, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Running[0].Utilization} }, 1.01},
		"memory of a process":              {device.ReadingProcessMemory, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Running[0].MemoryUsed} }, 142e9},
		"memory of a process in a MIG":     {device.ReadingProcessMemory, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Running[1].MemoryUsed} }, 19e9},
		"errors, all bits set":             {device.ReadingHealth, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Health.ECCCorrected} }, allBits},
		"seconds held down, all bits set":  {device.ReadingHealth, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Health.Throttled.Thermal} }, allBits},
		"bytes over NVLink, below nothing": {device.ReadingHealth, func(g *device.GPU) []**float64 { return []**float64{&g.Reading.Health.NVLinkWireSent} }, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			for range 2 {
				b.after(time.Second, 1, good())
			}
			odd, want := good(), good()
			*tc.place(&odd)[0], *tc.place(&want)[0] = &tc.value, nil
			want.UUID = uuid
			want.Reading.Impossible = []device.Impossible{{Kind: tc.kind, Value: tc.value}}
			if diff := cmp.Diff(want, b.after(time.Second, 1, odd)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			odd = good()
			*tc.place(&odd)[0] = &tc.value
			b.after(time.Second, 1, odd)
			if diff := cmp.Diff([]bounds.Count{{Kind: tc.kind, Count: 2}}, b.Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if lines := strings.Count(b.log.String(), "reading="+tc.kind); lines != 1 {
				t.Errorf("%d lines of the log name it, want 1:\n%s", lines, b.log.String())
			}
			want = good()
			want.UUID = uuid
			if diff := cmp.Diff(want, b.after(time.Second, 1, good())); diff != "" {
				t.Errorf("afterwards (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnotherSizeOfTheMemoryIsBelievedWhenItStays(t *testing.T) {
	t.Parallel()
	b := newBench()
	read := func(session int, total float64) bool {
		return b.after(time.Second, session, device.GPU{Reading: device.Reading{MemoryTotal: &total}}).Reading.MemoryTotal != nil
	}
	for range 2 {
		if !read(1, 80e9) {
			t.Fatal("it is not believed at the beginning")
		}
	}
	for range 10 {
		if read(1, 75e9) {
			t.Fatal("another one is believed at once")
		}
	}
	if !read(1, 75e9) || !read(2, 80e9) {
		t.Error("it is not believed after ten seconds, or not in another session")
	}
}
