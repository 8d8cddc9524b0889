package quota_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const hour = 3_600_000 // ms

// hold is GPU time held from and to some milliseconds after midnight of day 1.
func hold(from, to, millis int64) usage.Segment {
	base := day(1).UnixMilli()
	return usage.Segment{State: usage.Allocated, HeldFrom: base + from, HeldTo: base + to, GPUMillis: millis}
}

type held struct {
	pool string
	usage.Segment
}

func TestFigures(t *testing.T) {
	t.Parallel()
	pools := []quota.NodePool{{Name: "x", Nodes: []string{"x"}}, {Name: "y", Nodes: []string{"y"}}}
	noon := day(1).Add(12 * time.Hour)
	for sentence, c := range map[string]struct {
		quotas []quota.Quota
		holds  []held
		want   []quota.Figures // of a day of project p
	}{
		"two GPUs at once on a quota of one": {
			[]quota.Quota{{DeservedMilli: 1000}},
			[]held{{"x", hold(0, hour, hour)}, {"y", hold(hour/2, 2*hour, 3*hour/2)}},
			[]quota.Figures{{quota.Scope{"p", quota.AllPools}, "d", 24 * hour, 2 * hour, hour / 2, 22 * hour}},
		},
		"one after the other is within": {
			[]quota.Quota{{DeservedMilli: 1000}},
			[]held{{"x", hold(0, hour, hour)}, {"y", hold(hour, 2*hour, hour)}},
			[]quota.Figures{{quota.Scope{"p", quota.AllPools}, "d", 24 * hour, 2 * hour, 0, 22 * hour}},
		},
		"each pool has its own quota, and one without has none": {
			[]quota.Quota{{NodePool: "x", DeservedMilli: 500}},
			[]held{{"x", hold(0, hour, hour)}, {"y", hold(0, hour, hour)}, {"", hold(0, hour, 1)}},
			[]quota.Figures{
				{quota.Scope{"p", ""}, "d", 0, 0, 1, 0},
				{quota.Scope{"p", "x"}, "d", 12 * hour, hour / 2, hour / 2, 23 * hour / 2},
				{quota.Scope{"p", "y"}, "d", 0, 0, hour, 0},
			},
		},
		"a quota that begins at noon": {
			[]quota.Quota{{DeservedMilli: 2000, From: noon}},
			[]held{{"x", hold(11*hour, 13*hour, 2*hour)}},
			[]quota.Figures{{quota.Scope{"p", quota.AllPools}, "d", 24 * hour, hour, hour, 23 * hour}},
		},
		"a quota that grows at noon": {
			[]quota.Quota{{DeservedMilli: 250, To: noon}, {DeservedMilli: 1000, From: noon}},
			[]held{{"x", hold(11*hour, 13*hour, 2*hour)}},
			[]quota.Figures{{quota.Scope{"p", quota.AllPools}, "d", 15 * hour, 5 * hour / 4, 3 * hour / 4, 55 * hour / 4}},
		},
		"from one quota for all to one for each at noon": {
			[]quota.Quota{{DeservedMilli: 1000, To: noon}, {NodePool: "x", DeservedMilli: 1000, From: noon}},
			[]held{{"x", hold(11*hour, 13*hour, 2*hour)}, {"y", hold(11*hour, 13*hour, 2*hour)}},
			[]quota.Figures{
				{quota.Scope{"p", quota.AllPools}, "d", 12 * hour, hour, hour, 11 * hour},
				{quota.Scope{"p", "x"}, "d", 12 * hour, hour, 0, 11 * hour},
				{quota.Scope{"p", "y"}, "d", 0, 0, hour, 0},
			},
		},
		"a quota that nobody uses": {
			[]quota.Quota{{DeservedMilli: 1}},
			nil,
			[]quota.Figures{{quota.Scope{"p", quota.AllPools}, "d", 24 * hour / 1000, 0, 0, 24 * hour / 1000}},
		},
		"a quota of another time": {[]quota.Quota{{DeservedMilli: 1, To: day(1)}}, nil, []quota.Figures{}},
		"no quota":                {nil, []held{{"x", hold(0, hour, hour)}}, []quota.Figures{}},
		"shares of a third that don't divide": {
			[]quota.Quota{{}},
			[]held{{"x", hold(0, 7, 2)}, {"x", hold(0, 7, 2)}, {"x", hold(1, 8, 2)}},
			[]quota.Figures{{quota.Scope{"p", quota.AllPools}, "d", 0, 0, 6, 0}},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			p := projects(t, pools, quota.Project{Name: "p", Department: "d", Quotas: c.quotas})
			tally := p.Tally(window.Window{From: day(1), To: day(2)})
			for _, h := range c.holds {
				if err := tally.Add("p", h.pool, h.Segment); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, tally.Figures()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// One Holder counts segments in whatever order, also when the scope changes
// between them: all pools together until noon, pool x from then on.
func TestHolderFindsTheScopeOfEachInstant(t *testing.T) {
	t.Parallel()
	const noon = 12 * hour
	pools := []quota.NodePool{{Name: "x", Nodes: []string{"x"}}}
	p := projects(t, pools, quota.Project{Name: "p", Quotas: []quota.Quota{
		{DeservedMilli: 1000, To: day(1).Add(12 * time.Hour)},
		{NodePool: "x", DeservedMilli: 1000, From: day(1).Add(12 * time.Hour), To: day(1).Add(18 * time.Hour)},
		{DeservedMilli: 1000, From: day(1).Add(18 * time.Hour)},
	}})
	holds := map[string][3]int64{
		"the last millisecond of the morning":  {noon - 1, noon, 1},
		"the first millisecond of the day":     {0, 1, 1},
		"the first millisecond of pool x":      {noon, noon + 1, 1},
		"the last millisecond of pool x":       {noon + 6*hour - 1, noon + 6*hour, 1},
		"the first millisecond of the evening": {noon + 6*hour, noon + 6*hour + 1, 1},
		"over noon":                            {noon - hour, noon + hour, 2 * hour},
		"from the morning until the evening":   {noon - hour, noon + 7*hour, 8 * hour},
		"nothing":                              {noon, noon + 1, 0},
	}
	sentences := slices.Sorted(maps.Keys(holds))
	for _, order := range [][]string{sentences, slices.Collect(backward(sentences))} {
		tally := p.Tally(window.Window{From: day(1), To: day(2)})
		h := tally.Holder("p", "x")
		for _, sentence := range order {
			seg := hold(holds[sentence][0], holds[sentence][1], holds[sentence][2])
			if err := h.Hold(seg.HeldFrom, seg.HeldTo, seg.GPUMillis); err != nil {
				t.Fatalf("%s: %v", sentence, err)
			}
		}
		// In the morning 1 + 1 ms and twice an hour, in the evening 1 ms and an
		// hour; in pool x 1 + 1 ms, an hour and six hours.
		want := []int64{3*hour + 3, 7*hour + 2}
		var got []int64
		for _, f := range tally.Figures() {
			got = append(got, f.Within+f.Over)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: of all pools and of x (-want +got)\n%s", order, diff)
		}
	}
}

func TestWhoHasNoQuotasHasNoHolder(t *testing.T) {
	t.Parallel()
	tally := projects(t, nil, quota.Project{Name: "p"}, quota.Project{Name: "q", Quotas: []quota.Quota{{}}}).Tally(window.Hour(day(1)))
	if tally.Holder("p", "") != nil || tally.Holder("nobody", "") != nil || tally.Holder("q", "") == nil {
		t.Error("only q is counted")
	}
	idle := hold(0, 1, 1)
	idle.State = usage.Unallocated
	if err := tally.Add("q", "", idle); err != nil || tally.Figures()[0].Over != 0 {
		t.Errorf("time that nobody holds is counted: %+v, %v", tally.Figures(), err)
	}
}

func TestTallyRefusesWhatNoGPUCanGive(t *testing.T) {
	t.Parallel()
	p := projects(t, nil, quota.Project{Name: "p", Quotas: []quota.Quota{{DeservedMilli: 1}}})
	for sentence, seg := range map[string]usage.Segment{
		"negative time":          hold(0, 1, -1),
		"use in no time":         hold(1, 1, 1),
		"ten thousand at once":   hold(0, 1, 10_000),
		"more than the universe": hold(0, 1, 1<<62),
	} {
		if err := p.Tally(window.Hour(day(1))).Add("p", "", seg); err == nil {
			t.Errorf("%s: no error", sentence)
		}
	}
}

// The oracle goes through the hour millisecond by millisecond with whole GPUs.
func TestOverIsTheIntegralBeyondTheDeserved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const length = 50
		deserved := [2]int64{rapid.Int64Range(0, 4).Draw(t, "before"), rapid.Int64Range(0, 4).Draw(t, "after")}
		change := rapid.Int64Range(1, length-1).Draw(t, "change")
		at := day(1).Add(time.Duration(change) * time.Millisecond)
		p, err := quota.New(nil, []quota.Project{{Name: "p", Quotas: []quota.Quota{
			{DeservedMilli: 1000 * deserved[0], To: at}, {DeservedMilli: 1000 * deserved[1], From: at},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		var inUse [length]int64
		var segments []usage.Segment
		for range rapid.IntRange(0, 12).Draw(t, "holdings") {
			from := rapid.Int64Range(0, length-1).Draw(t, "from")
			to := rapid.Int64Range(from+1, length).Draw(t, "to")
			segments = append(segments, hold(from, to, to-from))
			for ms := from; ms < to; ms++ {
				inUse[ms]++
			}
		}
		var want quota.Figures
		want.Scope = quota.Scope{Project: "p", NodePool: quota.AllPools}
		for ms, n := range inUse {
			d := deserved[0]
			if int64(ms) >= change {
				d = deserved[1]
			}
			want.Deserved += d
			want.Within += min(n, d)
			want.Over += max(0, n-d)
		}
		want.Left = want.Deserved - want.Within

		w := window.Window{From: day(1), To: day(1).Add(length * time.Millisecond)}
		for _, segs := range [][]usage.Segment{segments, slices.Collect(backward(segments))} {
			tally := p.Tally(w)
			for _, seg := range segs {
				if err := tally.Add("p", "", seg); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([]quota.Figures{want}, tally.Figures()); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		}
	})
}

func backward[T any](list []T) func(func(T) bool) {
	return func(yield func(T) bool) {
		for _, s := range slices.Backward(list) {
			if !yield(s) {
				return
			}
		}
	}
}

// Whatever the shares are, within and over quota add up to what was metered,
// and to flush between hours changes nothing.
func TestWithinAndOverAreWhatWasMetered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, err := quota.New(nil, []quota.Project{{Name: "p", Quotas: []quota.Quota{
			{DeservedMilli: rapid.Int64Range(0, 3000).Draw(t, "deserved")},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		w := window.Window{From: day(1), To: day(1).Add(3 * time.Hour)}
		flushed, whole := p.Tally(w), p.Tally(w)
		var metered int64
		for h := range int64(3) {
			for range rapid.IntRange(0, 6).Draw(t, "holdings") {
				from := rapid.Int64Range(0, hour-1).Draw(t, "from")
				to := rapid.Int64Range(from+1, hour).Draw(t, "to")
				seg := hold(h*hour+from, h*hour+to, rapid.Int64Range(0, to-from).Draw(t, "gpu_ms"))
				metered += seg.GPUMillis
				for _, tally := range []*quota.Tally{flushed, whole} {
					if err := tally.Add("p", "", seg); err != nil {
						t.Fatal(err)
					}
				}
			}
			flushed.Flush()
		}
		got := flushed.Figures()
		if diff := cmp.Diff(whole.Figures(), got); diff != "" {
			t.Fatalf("a flush changes the figures:\n%s", diff)
		}
		if f := got[0]; f.Within+f.Over != metered || f.Over < 0 || f.Within < 0 || f.Left != max(0, f.Deserved-f.Within) {
			t.Fatalf("%+v does not add up to %d", f, metered)
		}
	})
}
