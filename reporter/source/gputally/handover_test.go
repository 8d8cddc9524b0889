package gputally_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// asOf is a Reader to which samples after a time, in ms after t0, are not there
// yet. Those of a replica come later still by its lag.
type asOf struct {
	*memory
	now int64
	lag map[string]int64 // by instance
}

func (a asOf) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	return a.memory.Read(ctx, q, func(s series.Series) error {
		until := t0 + a.now - a.lag[s.Labels.Get("instance")]
		s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T > until })
		s.Stale = slices.DeleteFunc(s.Stale, func(t int64) bool { return t > until })
		if len(s.Samples)+len(s.Stale) == 0 {
			return nil
		}
		return yield(s)
	})
}

// without is the server before the samples of an instance after a time came.
func without(m *memory, instance string, after int64) series.Reader {
	return asOf{m, 3 * hour, map[string]int64{instance: 3*hour - after}}
}

// books are the hours of a day as a ledger keeps them.
type books struct {
	t     *rapid.T
	edges []int64 // of the hours, in ms after t0
	hours []*whole
	over  int64 // by how much a holder's may exceed the day, in ms, if a bridged gap turned out shorter
	own   int64 // by how much the device's unallocated time may miss the day, in ms
}

func table(edges []usage.Edge) *usage.EdgeTable {
	table := usage.NewEdgeTable()
	for _, e := range edges {
		table.Add(e)
	}
	return table
}

// before is what an hour leaves to the next one.
func (h *whole) before() usage.Neighbours {
	return usage.Neighbours{
		Before: table(h.Closing), Since: h.Hour.Window.From, Devices: h.devices(),
		Carry: func(yield func(usage.Edge, error) bool) {
			for _, e := range h.Closing {
				if !yield(e, nil) {
					return
				}
			}
		},
	}
}

// carried is the same where edges are free but for those of which no sample near
// them tells.
func (h *whole) carried() usage.Neighbours {
	n := h.before()
	n.Before, n.Carried = nil, n.Before
	return n
}

// devices are the GPUs that were there at the end.
func (h *whole) devices() []usage.Device {
	var all []usage.Device
	gone := map[string]bool{}
	for _, s := range h.Hour.Segments {
		gone[s.UUID] = gone[s.UUID] || s.State == usage.Absent && s.HeldTo == h.Hour.Window.To.UnixMilli()
		if n := len(all); n == 0 || all[n-1].UUID != s.UUID {
			all = append(all, usage.Device{UUID: s.UUID, Node: s.Node, NodePool: s.NodePool, Model: s.Model})
		}
	}
	return slices.DeleteFunc(all, func(d usage.Device) bool { return gone[d.UUID] })
}

// close closes an hour with what its neighbours have booked, but for stale ones,
// which are to be closed again, too.
func (b *books) close(i int, r series.Reader, stale func(int) bool) {
	var n usage.Neighbours
	if i > 0 && b.hours[i-1] != nil && !stale(i-1) {
		n = b.hours[i-1].before()
	}
	if i+1 < len(b.hours) && b.hours[i+1] != nil && !stale(i+1) {
		n.After = table(b.hours[i+1].Opening)
	}
	b.closeBeside(i, r, n)
}

func (b *books) closeBeside(i int, r series.Reader, n usage.Neighbours) {
	c, err := gputally.New(gputally.Config{Cluster: "c1", Reader: r})
	if err != nil {
		b.t.Fatal(err)
	}
	h := closeWhole(b.t, c, span(b.edges[i], b.edges[i+1]), n)
	for _, s := range h.Hour.Segments {
		if s.GPUMillis < 0 || s.ActiveMillis < 0 || s.IdleMillis < 0 || s.ObservedMillis < 0 || s.EstimatedMillis < 0 ||
			s.MemoryByteSeconds < 0 || s.EnergyMillijoules < 0 || s.HeldFrom >= s.HeldTo || s.Share <= 0 {
			b.t.Fatalf("impossible segment %+v", s)
		}
	}
	b.hours[i] = &h
}

func never(int) bool { return false }

// mustBe compares the hours with the day: what holders have is the same to the
// last unit, but for what b allows.
func (b *books) mustBe(what string, day usage.Hour) {
	var hours []usage.Hour
	unallocated := int64(0)
	for _, h := range b.hours {
		hours = append(hours, h.Hour)
		unallocated += h.Hour.Coverage.Unallocated
	}
	got, want := byHolder(hours...), byHolder(day)
	for who, s := range got {
		if more := s.gpu - want[who].gpu; s.estimated > 0 && more > 0 && more <= b.over {
			s.gpu -= more
			got[who] = s
		}
	}
	for _, all := range []map[string]sums{got, want} {
		for who, s := range all {
			s.estimated = 0 // what was estimated may turn out to have been counted
			if all[who] = s; s == (sums{}) {
				delete(all, who)
			}
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sums{})); diff != "" {
		b.t.Fatalf("%s: the hours are not the day (-day +hours):\n%s", what, diff)
	}
	if off := unallocated - day.Coverage.Unallocated; off < -b.own || off > b.own {
		b.t.Fatalf("%s: unallocated for %d ms in the hours, %d ms in the day", what, unallocated, day.Coverage.Unallocated)
	}
}

// drawBooks cuts two short hours into some that last for so long, at least.
func drawBooks(t *rapid.T, length int64) *books {
	cuts := rapid.SliceOfN(rapid.Int64Range(length, 2*short-length), 1, 5).Draw(t, "cuts")
	cuts = append(cuts, 0, 2*short)
	slices.Sort(cuts)
	// A device's states are rounded for each process and edge.
	b := &books{t: t, own: 20, edges: slices.CompactFunc(cuts, func(a, b int64) bool { return max(a, b)-min(a, b) < length })}
	b.hours = make([]*whole, len(b.edges)-1)
	return b
}

// closeAll closes the hours, in the order of time or in whatever order.
func (b *books) closeAll(r series.Reader, whatever bool) {
	order := make([]int, len(b.hours))
	for i := range order {
		order[i] = i
	}
	if whatever {
		order = rapid.Permutation(order).Draw(b.t, "order")
	}
	for _, i := range order {
		b.close(i, r, never)
	}
}

// restate closes a run of hours again, the last one first: what they book of
// edges inside the run is new, what is booked outside stays.
func (b *books) restate(r series.Reader) {
	first := rapid.IntRange(0, len(b.hours)-1).Draw(b.t, "restated from")
	last := rapid.IntRange(first, len(b.hours)-1).Draw(b.t, "restated to")
	for i := last; i >= first; i-- {
		b.close(i, r, func(j int) bool { return first <= j && j < i })
	}
}

func TestHoursAddUpToTheDayInWhateverOrderTheyAreClosed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 10)
		sc.overlap(t)
		sc.render(m)
		b := drawBooks(t, 1)
		b.own = 2 * second // where two overlap, which one counts is told by the second
		b.closeAll(m, true)
		want := closeScene(t, m, 0, 2*short)
		b.mustBe("in some order", want)
		b.restate(m)
		b.mustBe("restated", want)
	})
}

func TestWhatComesLateIsCountedLater(t *testing.T) {
	t.Parallel()
	const lookback, lookahead, bridge = 10 * minute, 5 * minute, 5 * minute
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		drawScene(t, 10).render(m)
		b := drawBooks(t, lookback) // shorter hours might miss the same twice
		b.over = 2 * second
		now := lookahead + lookback // the first hour sees how the day began, also in replica b
		for i := range b.hours {
			end := b.edges[i+1]
			if i+1 == len(b.hours) {
				end = 5 * hour // all is there
			}
			// What is missing of the hour, the next one sees with the holder before it.
			lag := rapid.Int64Range(0, lookback).Draw(t, "lag of replica b")
			now = max(now, end-(lookback-bridge)+lag+rapid.Int64Range(0, lookahead).Draw(t, "now"))
			b.close(i, asOf{m, now, map[string]int64{"ab": lag, "bb": lag}}, never)
		}
		want := closeScene(t, m, 0, 2*short)
		b.mustBe("late", want)
		b.restate(m)
		b.mustBe("restated", want)
	})
}

// threeProcesses meter a container one after the other; the second, from one time
// to another, is seen by replica b alone.
func threeProcesses(from, to int64) *memory {
	m := newMemory()
	sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 0.5, from: -hour, to: 2 * hour})
	sc.processes = []process{{"a", -2 * hour, from}, {"a", from + second, to}, {"a", to + second, 3 * hour}}
	sc.scrapers[0].lost = func(at int64) bool { return from < at && at < to }
	b := sc.scrapers[0]
	b.replica, b.phase, b.lost = "b", b.phase+second, func(at int64) bool { return at < from || at > to }
	sc.scrapers = append(sc.scrapers, b)
	sc.render(m)
	return m
}

// An hour bridges the gap between two processes; then samples come of one that
// counted in it. What was charged for the gap is not counted again.
func TestABridgedGapIsNotCountedAgain(t *testing.T) {
	t.Parallel()
	m := threeProcesses(56*minute, 58*minute)
	first := closeHour(t, without(m, "ab", 0), 0, usage.Neighbours{})
	want := 30 * minute
	check := func(what string, h usage.Hour, held, estimated int64) {
		t.Helper()
		got := byHolder(h)["GPU-a p"]
		if got.gpu != held || got.estimated != estimated {
			t.Errorf("%s: %d ms held, %d estimated, want %d, %d", what, got.gpu, got.estimated, held, estimated)
		}
		for _, s := range h.Segments {
			if s.State == usage.Unattributed {
				t.Errorf("%s: unattributed %+v", what, s)
			}
		}
	}
	check("bridged", first.Hour, want, byHolder(first.Hour)["GPU-a p"].estimated)
	if e := byHolder(first.Hour)["GPU-a p"].estimated; e < minute {
		t.Fatalf("%d ms estimated: there is no bridge", e)
	}
	second := closeHour(t, m, 1, first.before())
	check("the next hour", second.Hour, want, 0)
	again := closeHour(t, m, 0, usage.Neighbours{After: table(second.Opening)})
	check("restated beside the next hour", again.Hour, want, byHolder(first.Hour)["GPU-a p"].estimated)
	free := closeHour(t, m, 0, usage.Neighbours{})
	if got := byHolder(free.Hour)["GPU-a p"]; got.gpu != want || got.estimated > 30*1000 {
		t.Errorf("restated: %d ms held, %d estimated, want %d, less than a scrape interval", got.gpu, got.estimated, want)
	}
}

// Where the holder before a bridged gap is out of sight, the gap stands twice, but
// not in silence, and not once both hours are restated.
func TestABridgedGapFarFromTheEdgeIsNamed(t *testing.T) {
	t.Parallel()
	m := threeProcesses(50*minute, 52*minute)
	first := closeHour(t, without(m, "ab", 0), 0, usage.Neighbours{})
	second := closeHour(t, m, 1, first.before())
	const most = 30*minute + minute // half of the two minutes
	if got := byHolder(second.Hour)["GPU-a p"].gpu; got > most || !strings.Contains(fmt.Sprint(second.Hour.Findings), string(usage.LateCounted)) {
		t.Errorf("%d ms held, findings %v", got, second.Hour.Findings)
	}
	first = closeHour(t, m, 0, usage.Neighbours{})
	second = closeHour(t, m, 1, first.before())
	if got := byHolder(first.Hour, second.Hour)["GPU-a p"].gpu; got != hour || len(second.Hour.Findings) > 0 {
		t.Errorf("both restated: %d ms held, findings %v", got, second.Hour.Findings)
	}
}
