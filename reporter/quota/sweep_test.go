package quota_test

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func atMillis(n int64) time.Time { return day(1).Add(time.Duration(n) * time.Millisecond) }

// oneProject is the figures of a project p over some milliseconds of day 1, in
// the one scope that it has.
func oneProject(t testing.TB, length int64, quotas []quota.Quota, holds ...usage.Segment) quota.Figures {
	t.Helper()
	p, err := quota.New(nil, []quota.Project{{Name: "p", Quotas: quotas}})
	if err != nil {
		t.Fatal(err)
	}
	tally := p.Tally(window.Window{From: day(1), To: atMillis(length)})
	for _, h := range holds {
		if err := tally.Add("p", "", h); err != nil {
			t.Fatal(err)
		}
	}
	all := tally.Figures()
	if len(all) != 1 {
		t.Fatalf("got %d scopes, want one", len(all))
	}
	return all[0]
}

func TestDeservedIsRoundedHalfToEven(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		length, milli int64
		want          int64
	}{
		"0.499 is rounded down":                        {1, 499, 0},
		"0.5 lies between 0 and 1, and 0 is even":      {1, 500, 0},
		"0.501 is rounded up":                          {1, 501, 1},
		"1.499 is rounded down":                        {1, 1499, 1},
		"1.5 lies between 1 and 2, and 2 is even":      {3, 500, 2},
		"2.5 lies between 2 and 3, and 2 is even":      {5, 500, 2},
		"2.501 is rounded up":                          {1, 2501, 3},
		"3.5 lies between 3 and 4, and 4 is even":      {7, 500, 4},
		"a whole number stays":                         {4, 500, 2},
		"a billion GPUs for a day":                     {24 * hour, quota.MaxMilli, 24 * hour * 1_000_000_000},
		"the smallest quota for the shortest time":     {1, 1, 0},
		"a thousandth of a GPU makes a ms each second": {1000, 1, 1},
	} {
		if f := oneProject(t, c.length, []quota.Quota{{DeservedMilli: c.milli}}); f.Deserved != c.want || f.Left != c.want {
			t.Errorf("%s: deserved %d, left %d, want %d", sentence, f.Deserved, f.Left, c.want)
		}
	}
}

func TestDeservedIsRoundedOnceForAllQuotasOfAScope(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		length int64
		quotas []quota.Quota
		want   int64
	}{
		"0.3 and 0.3 make 0.6": {
			2, []quota.Quota{{DeservedMilli: 300, To: atMillis(1)}, {DeservedMilli: 300, From: atMillis(1)}}, 1,
		},
		"a quota that ends where the window begins adds nothing": {
			1, []quota.Quota{{DeservedMilli: 9000, To: day(1)}, {DeservedMilli: 2000, From: day(1)}}, 2,
		},
		"a quota that begins where the window ends adds nothing": {
			1, []quota.Quota{{DeservedMilli: 2000, To: atMillis(1)}, {DeservedMilli: 9000, From: atMillis(1)}}, 2,
		},
		// 0.001 GPU-ms, and 2,836,651.403 GPUs × 6,503 ms = 18,446,744,073.709
		// GPU-ms: together 18,446,744,073.71, in billionths more than 2⁶⁴.
		"a sum that needs more than 64 bits": {
			6504, []quota.Quota{{DeservedMilli: 1, To: atMillis(1)}, {DeservedMilli: 2_836_651_403, From: atMillis(1)}}, 18_446_744_074,
		},
	} {
		if f := oneProject(t, c.length, c.quotas); f.Deserved != c.want {
			t.Errorf("%s: deserved %d, want %d", sentence, f.Deserved, c.want)
		}
	}
}

func TestOverIsRoundedHalfToEven(t *testing.T) {
	t.Parallel()
	// Half a GPU is deserved, and one is held.
	for length, want := range map[int64]struct{ within, over int64 }{
		1: {1, 0}, // 0.5 over is 0, so that all of it is within
		2: {1, 1},
		3: {1, 2}, // 1.5
		5: {3, 2}, // 2.5
		7: {3, 4}, // 3.5
	} {
		f := oneProject(t, length, []quota.Quota{{DeservedMilli: 500}}, hold(0, length, length))
		if f.Within != want.within || f.Over != want.over {
			t.Errorf("%d ms: within %d, over %d, want %+v", length, f.Within, f.Over, want)
		}
	}
}

// A GPU-millisecond spread over six milliseconds is 0.166666666 of a GPU, and
// a billionth more for the first four of them, so that nothing is lost: three
// times 0.166666667 is just more than half a GPU-millisecond, and the rest is
// just less.
func TestTheRemainderIsAtTheStartOfTheSegment(t *testing.T) {
	t.Parallel()
	none, one := int64(0), int64(1000)
	for sentence, c := range map[string]struct {
		before, after int64 // deserved until and from the third millisecond
		over, within  int64
	}{
		"the first half is over quota":  {none, one, 1, 0},
		"the second half is over quota": {one, none, 0, 1},
		"all of it is over quota":       {none, none, 1, 0},
		"all of it is within quota":     {one, one, 0, 1},
	} {
		f := oneProject(t, 6, []quota.Quota{
			{DeservedMilli: c.before, To: atMillis(3)}, {DeservedMilli: c.after, From: atMillis(3)},
		}, hold(0, 6, 1))
		if f.Over != c.over || f.Within != c.within {
			t.Errorf("%s: over %d, within %d, want %d and %d", sentence, f.Over, f.Within, c.over, c.within)
		}
	}
}

// 2³¹ GPU-ms in 1,953,125 ms are 2⁴⁰ billionths of a GPU, or 1,099.5 GPUs: what
// the arithmetic takes is far more than one container can hold.
func TestTheHighestShare(t *testing.T) {
	t.Parallel()
	p := projects(t, nil, quota.Project{Name: "p", Quotas: []quota.Quota{{}}})
	tally := p.Tally(window.Hour(day(1)))
	if err := tally.Add("p", "", hold(0, 1_953_125, 1<<31)); err != nil {
		t.Errorf("2⁴⁰ billionths: %v", err)
	}
	seg := hold(0, 1_953_125, 1<<31+1)
	seg.Namespace, seg.Pod = "ns", "train-0"
	want := "segment of pod ns/train-0: 2147483649 GPU-ms in 1953125 ms is more than one GPU can give: the ledger is damaged, close the hour again"
	if err := tally.Add("p", "", seg); err == nil || err.Error() != want {
		t.Errorf("more than 2⁴⁰ billionths: got %v, want %s", err, want)
	}
	if f := tally.Figures()[0]; f.Over != 1<<31 || f.Within != 0 {
		t.Errorf("what was refused counts: %+v", f)
	}
}

// The oracle knows what is held and deserved in each millisecond as a fraction:
// over quota is the sum of what is held beyond, up to the billionth of a GPU
// that each segment's share is rounded to.
func TestOverOfSharesIsTheSumOfFractions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const length = 40
		deserved := rapid.Int64Range(0, 3000).Draw(t, "deserved")
		var inUse [length]big.Rat
		var holds []usage.Segment
		var metered int64
		for range rapid.IntRange(0, 8).Draw(t, "holdings") {
			from := rapid.Int64Range(0, length-1).Draw(t, "from")
			to := rapid.Int64Range(from+1, length).Draw(t, "to")
			millis := rapid.Int64Range(0, to-from).Draw(t, "gpu_ms")
			metered += millis
			holds = append(holds, hold(from, to, millis))
			for ms := from; ms < to; ms++ {
				inUse[ms].Add(&inUse[ms], big.NewRat(millis, to-from))
			}
		}
		over := new(big.Rat)
		for _, n := range inUse {
			if beyond := n.Sub(&n, big.NewRat(deserved, 1000)); beyond.Sign() > 0 {
				over.Add(over, beyond)
			}
		}
		p, err := quota.New(nil, []quota.Project{{Name: "p", Quotas: []quota.Quota{{DeservedMilli: deserved}}}})
		if err != nil {
			t.Fatal(err)
		}
		tally := p.Tally(window.Window{From: day(1), To: atMillis(length)})
		for _, h := range holds {
			if err := tally.Add("p", "", h); err != nil {
				t.Fatal(err)
			}
		}
		f := tally.Figures()[0]
		off := new(big.Rat).Sub(over, big.NewRat(f.Over, 1))
		// Half a GPU-ms of rounding, and a billionth for each segment and millisecond.
		if most := big.NewRat(500_000_000+8*length, 1_000_000_000); off.Abs(off).Cmp(most) > 0 || f.Over+f.Within != metered {
			t.Fatalf("got %+v, want over %s of %d", f, over.FloatString(9), metered)
		}
	})
}
