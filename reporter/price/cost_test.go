package price_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/usage"
)

var hour0 = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// hold is one GPU held for an hour from hour0.
func hold() usage.Segment {
	return usage.Segment{
		Cluster: "eu-1", NodePool: "train", Model: "NVIDIA H100 80GB HBM3", State: usage.Allocated,
		HeldFrom: hour0.UnixMilli(), HeldTo: hour0.Add(time.Hour).UnixMilli(), Share: 1, GPUMillis: 3_600_000,
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	rate := func(cluster, pool, model, gpu string) price.Rate {
		return price.Rate{Cluster: cluster, NodePool: pool, Model: model, GPUHour: gpuHour(gpu)}
	}
	dated := func(r price.Rate, from, to time.Time) price.Rate {
		r.From, r.To = from, to
		return r
	}
	half, end := hour0.Add(30*time.Minute), hour0.Add(time.Hour)
	any1 := rate("", "", "", "1")
	for sentence, c := range map[string]struct {
		rates []price.Rate
		want  string
	}{
		"one rate for all":                             {[]price.Rate{any1}, "1.000000"},
		"an exact model beats a pattern":               {[]price.Rate{rate("", "", "*", "1"), rate("", "", "*H100*", "2"), rate("", "", "NVIDIA H100 80GB HBM3", "3")}, "3.000000"},
		"the longer pattern beats the shorter":         {[]price.Rate{rate("", "", "*H100*", "2"), rate("", "", "*H100 80GB*", "3")}, "3.000000"},
		"a pool beats a model":                         {[]price.Rate{rate("", "", "NVIDIA H100 80GB HBM3", "2"), rate("", "train", "", "3")}, "3.000000"},
		"a cluster beats a pool":                       {[]price.Rate{rate("eu-*", "", "", "4"), rate("", "train", "", "3")}, "4.000000"},
		"pool and model beat pool":                     {[]price.Rate{rate("", "train", "*H100*", "5"), rate("", "train", "", "3")}, "5.000000"},
		"a rate for others does not apply":             {[]price.Rate{any1, rate("us-1", "", "", "9"), rate("", "infer", "", "9"), rate("", "", "A100", "9")}, "1.000000"},
		"the price changes at half past":               {[]price.Rate{dated(any1, time.Time{}, half), dated(rate("", "", "", "3"), half, time.Time{})}, "2.000000"},
		"a special price for the first half":           {[]price.Rate{any1, dated(rate("eu-1", "", "", "0"), time.Time{}, half)}, "0.500000"},
		"a special price for the second half":          {[]price.Rate{any1, dated(rate("eu-1", "", "", "0"), half, end)}, "0.500000"},
		"a price that begins at the end is not used":   {[]price.Rate{any1, dated(rate("eu-1", "", "", "7"), end, time.Time{})}, "1.000000"},
		"a price that ends at the beginning is no use": {[]price.Rate{any1, dated(rate("eu-1", "", "", "7"), time.Time{}, hour0)}, "1.000000"},
		"half a millionth goes to the even, down":      {[]price.Rate{rate("", "", "", "0.0000005")}, "0.000000"},
		"half a millionth goes to the even, up":        {[]price.Rate{rate("", "", "", "0.0000015")}, "0.000002"},
		"pieces are rounded together": {[]price.Rate{
			dated(rate("", "", "", "0.0000008"), time.Time{}, half), dated(rate("", "", "", "0.0000006"), half, time.Time{}),
		}, "0.000001"},
		"the highest price": {[]price.Rate{rate("", "", "", "1000000000")}, "1000000000.000000"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			book, err := price.New("EUR", c.rates, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := book.Cost(hold())
			if err != nil || got.String() != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestCostWithout(t *testing.T) {
	t.Parallel()
	book, err := price.New("EUR", []price.Rate{
		{Model: "*H100*", GPUHour: gpuHour("1"), To: hour0.Add(30 * time.Minute)},
		{Model: "gold", GPUHour: decimal.New(1, 9)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		change func(*usage.Segment)
		want   error
	}{
		"no rate for the model":               {func(s *usage.Segment) { s.Model = "T4" }, price.ErrUnpriced},
		"a rate for the first half only":      {func(*usage.Segment) {}, price.ErrUnpriced},
		"nothing used needs no price":         {func(s *usage.Segment) { s.Model, s.GPUMillis = "T4", 0 }, nil},
		"time of nobody costs nothing":        {func(s *usage.Segment) { s.State = usage.Unallocated }, nil},
		"a negative quantity is refused":      {func(s *usage.Segment) { s.GPUMillis = -1 }, price.ErrRange},
		"a cost that does not fit is no cost": {func(s *usage.Segment) { s.Model, s.GPUMillis = "gold", math.MaxInt64 }, price.ErrRange},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			seg := hold()
			c.change(&seg)
			if got, err := book.Cost(seg); got != 0 || !errors.Is(err, c.want) {
				t.Errorf("got %s, %v, want %v", got, err, c.want)
			}
		})
	}
}

// At 3.6 an hour, each GPU-millisecond costs a millionth.
func TestCostsAtTheEndOfTheRange(t *testing.T) {
	t.Parallel()
	const highest = "9223372036854.775807" // 2⁶³−1 millionths
	for sentence, c := range map[string]struct {
		gpuHour string
		millis  int64
		want    string // "" if it does not fit
	}{
		"a GPU-millisecond at a millionth":        {"3.6", 1, "0.000001"},
		"the highest cost":                        {"3.6", math.MaxInt64, highest},
		"a little less than the highest":          {"3.599999999", math.MaxInt64, "9223372034292.728019"},
		"a little more than the highest":          {"3.600000001", math.MaxInt64, ""},
		"exactly twice 2⁶² millionths":            {"7.2", 1 << 62, ""},
		"half a millionth below twice 2⁶²":        {"1.8", math.MaxInt64, "4611686018427.387904"},
		"2⁶⁴ millionths, just above 64 bits":      {"1000000000", 66_408_278_666, ""},
		"rounded up to 2⁶⁴ millionths":            {"7.200000001", 9223372035573751914, ""},
		"the highest price for the longest while": {"1000000000", math.MaxInt64, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			book, err := price.New("EUR", []price.Rate{{GPUHour: gpuHour(c.gpuHour)}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			seg := hold()
			seg.GPUMillis = c.millis
			flat, ok := book.Rates("", "", "").Flat(0, 1)
			if !ok {
				t.Fatal("one rate for all time is no flat rate")
			}
			for name, cost := range map[string]func() (price.Amount, error){
				"the book": func() (price.Amount, error) { return book.Cost(seg) },
				"the flat": func() (price.Amount, error) { return flat.Cost(c.millis) },
			} {
				got, err := cost()
				if c.want == "" {
					if got != 0 || !errors.Is(err, price.ErrRange) {
						t.Errorf("%s: got %s, %v, want ErrRange", name, got, err)
					}
				} else if err != nil || got.String() != c.want {
					t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
				}
			}
		})
	}
}

func TestErrorsNameTheModelThatTheBookPrices(t *testing.T) {
	t.Parallel()
	book, err := price.New("EUR", []price.Rate{{GPUHour: gpuHour("1")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seg := hold()
	seg.GPUMillis = -1
	want := `model "NVIDIA H100 80GB HBM3": price -1 GPU-ms: amount out of range`
	if _, err := book.Cost(seg); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := (price.Flat{}).Cost(-1); !errors.Is(err, price.ErrRange) {
		t.Errorf("a flat rate: got %v, want ErrRange", err)
	}
}

func TestARateWithoutABeginningHoldsBefore1970(t *testing.T) {
	t.Parallel()
	book, err := price.New("EUR", []price.Rate{{GPUHour: gpuHour("1"), To: day(1)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := book.Rates("", "", "").Cost(-3_600_000, 0, 3_600_000); err != nil || got != 1_000_000 {
		t.Errorf("got %s, %v, want 1", got, err)
	}
}

func TestFlat(t *testing.T) {
	t.Parallel()
	// 1 until the 2nd, 2 from then until the 4th, and a special price of 0 in
	// cluster x on the 3rd.
	book, err := price.New("EUR", []price.Rate{
		{GPUHour: gpuHour("1"), To: day(2)},
		{GPUHour: gpuHour("2"), From: day(2), To: day(4)},
		{Cluster: "x", From: day(3), To: day(4)},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		cluster  string
		from, to time.Time
		want     string // of a GPU-hour, "" if the rate is not flat
	}{
		"up to the change":                 {"a", day(1), day(2), "1.000000"},
		"a millisecond beyond the change":  {"a", day(1), day(2).Add(time.Millisecond), ""},
		"from the change":                  {"a", day(2), day(4), "2.000000"},
		"beyond the last rate":             {"a", day(3), day(5), ""},
		"after all rates":                  {"a", day(4), day(5), ""},
		"an instant after all rates":       {"a", day(4), day(4), ""},
		"up to the special price":          {"x", day(2), day(3), "2.000000"},
		"into the special price":           {"x", day(2), day(4), ""},
		"the special price, which is zero": {"x", day(3), day(4), "0.000000"},
	} {
		flat, ok := book.Rates(c.cluster, "", "").Flat(c.from.UnixMilli(), c.to.UnixMilli())
		if !ok {
			if c.want != "" {
				t.Errorf("%s: no flat rate, want %s", sentence, c.want)
			}
			continue
		}
		if got, err := flat.Cost(3_600_000); err != nil || got.String() != c.want {
			t.Errorf("%s: got %s, %v, want %q", sentence, got, err, c.want)
		}
		if got, err := flat.Cost(0); got != 0 || err != nil {
			t.Errorf("%s: no time costs %s, %v", sentence, got, err)
		}
	}
}

// What is held while the rate does not change costs the same by the Flat as by
// the Rates, also when it begins and ends at one instant.
func TestFlatCostsWhatTheRatesDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 100).Draw(t, "from")
		to := rapid.Int64Range(from, 100).Draw(t, "to")
		millis := rapid.Int64Range(0, 1_000_000).Draw(t, "gpu_ms")
		changes := rapid.SliceOfNDistinct(rapid.Int64Range(0, 100), 1, 3, rapid.ID).Draw(t, "changes")
		slices.Sort(changes)
		rates := []price.Rate{{GPUHour: decimal.New(1, 0), To: time.UnixMilli(changes[0])}}
		for i, at := range changes {
			r := price.Rate{GPUHour: decimal.New(int64(i)+2, 0), From: time.UnixMilli(at)}
			if i+1 < len(changes) {
				r.To = time.UnixMilli(changes[i+1])
			}
			rates = append(rates, r)
		}
		book, err := price.New("EUR", rates, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := book.Rates("", "", "")
		flat, ok := r.Flat(from, to)
		changed := slices.ContainsFunc(changes, func(at int64) bool { return from < at && at < to })
		if ok == changed {
			t.Fatalf("[%d, %d) with changes at %v: flat is %t", from, to, changes, ok)
		}
		if !ok {
			return
		}
		byFlat, err := flat.Cost(millis)
		if err != nil {
			t.Fatal(err)
		}
		if byRates, err := r.Cost(from, to, millis); err != nil || byRates != byFlat {
			t.Fatalf("%s by the rates, %v, and %s by the flat", byRates, err, byFlat)
		}
	})
}

// An oracle in rationals: the sum over pieces of GPU-ms × price ÷ 3,600,000,
// rounded half to even to six places.
func TestCostIsTheRationalRoundedOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seg := hold()
		seg.GPUMillis = rapid.Int64Range(0, 3_600_000).Draw(t, "gpu_ms")
		cuts := rapid.SliceOfNDistinct(rapid.Int64Range(1, 3_599_999), 0, 4, rapid.ID).Draw(t, "cuts")
		at := []int64{seg.HeldFrom, seg.HeldTo}
		for _, cut := range cuts {
			at = append(at, seg.HeldFrom+cut)
		}
		slices.Sort(at)

		var rates []price.Rate
		sum := new(big.Rat)
		for i := range at[1:] {
			nanos := rapid.Int64Range(0, 100_000_000_000).Draw(t, "price")
			rates = append(rates, price.Rate{
				GPUHour: decimal.New(nanos, -9), From: time.UnixMilli(at[i]), To: time.UnixMilli(at[i+1]),
			})
			piece, _ := seg.Cut(at[i], at[i+1])
			sum.Add(sum, new(big.Rat).Mul(big.NewRat(piece.GPUMillis, 3_600_000), big.NewRat(nanos, 1_000_000_000)))
		}
		book, err := price.New("EUR", rates, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := book.Cost(seg)
		if want := halfEven(sum); err != nil || int64(got) != want {
			t.Fatalf("got %d, %v, want %d for %s", got, err, want, sum.FloatString(9))
		}
	})
}

// halfEven is r in millionths.
func halfEven(r *big.Rat) int64 {
	scaled := new(big.Rat).Mul(r, big.NewRat(1_000_000, 1))
	floor := new(big.Int).Div(scaled.Num(), scaled.Denom())
	rest := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(floor))
	switch half := rest.Cmp(big.NewRat(1, 2)); {
	case half > 0, half == 0 && floor.Bit(0) == 1:
		floor.Add(floor, big.NewInt(1))
	}
	return floor.Int64()
}

func BenchmarkCost(b *testing.B) {
	book, err := price.New("EUR", []price.Rate{{Model: "*H100*", GPUHour: gpuHour("2.5")}, {GPUHour: gpuHour("1")}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	seg := hold()
	for b.Loop() {
		if _, err := book.Cost(seg); err != nil {
			b.Fatal(err)
		}
	}
}
