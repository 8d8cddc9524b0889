package price_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/price"
)

func TestAmountAsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]price.Amount{
		"0.000000":              0,
		"12.345678":             12_345_678,
		"-0.000001":             -1,
		"9223372036854.775807":  math.MaxInt64,
		"-9223372036854.775808": math.MinInt64,
	} {
		got, err := price.ParseAmount(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseAmount(%q) = %d, %v, and back %q", text, got, err, got)
		}
	}
	for _, bad := range []string{"", "-", ".5", "1.", "1e3", "1,5", "+1", "0x1", "1.2345678", " 1", "NaN", "9223372036854.775808"} {
		if got, err := price.ParseAmount(bad); err == nil {
			t.Errorf("ParseAmount(%q) = %d, want an error", bad, got)
		}
	}
	for _, beyond := range []string{"9223372036854.775808", "-9223372036854.775809", "10000000000000", "-18446744073709.551616"} {
		if got, err := price.ParseAmount(beyond); got != 0 || !errors.Is(err, price.ErrRange) {
			t.Errorf("ParseAmount(%q) = %d, %v, want ErrRange", beyond, got, err)
		}
	}
	if got, err := price.ParseAmount("2.5"); err != nil || got != 2_500_000 {
		t.Errorf("ParseAmount(2.5) = %d, %v", got, err)
	}
}

func TestAnUnreadableTextLeavesTheAmountAsItWas(t *testing.T) {
	t.Parallel()
	a := price.Amount(7)
	if err := a.UnmarshalText([]byte("seven")); err == nil || a != 7 {
		t.Errorf("got %s, %v", a, err)
	}
}

// What is accepted is the number that the text says, and its own text again is
// the same number.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"0", "-0", "007.5", "-12.345678", "9223372036854.775807", "-9223372036854.775808", "1e3", "1_000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := price.ParseAmount(text)
		if err != nil {
			return
		}
		said, ok := new(big.Rat).SetString(text)
		if !ok || said.Cmp(big.NewRat(int64(a), 1_000_000)) != 0 {
			t.Errorf("%q is read as %s", text, a)
		}
		if back, err := price.ParseAmount(a.String()); err != nil || back != a {
			t.Errorf("%q is written as %s and that is read as %s, %v", text, a, back, err)
		}
	})
}

func TestAdd(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct{ a, b, sum string }{
		"two amounts":                      {"1.5", "2.25", "3.750000"},
		"nothing on top":                   {"1.5", "0", "1.500000"},
		"a credit":                         {"1.5", "-2", "-0.500000"},
		"what cancels out":                 {"-0.000001", "0.000001", "0.000000"},
		"up to the highest amount":         {"9223372036854.775806", "0.000001", "9223372036854.775807"},
		"down to the lowest amount":        {"-9223372036854.775807", "-0.000001", "-9223372036854.775808"},
		"nothing on top of the highest":    {"9223372036854.775807", "0", "9223372036854.775807"},
		"nothing on top of the lowest":     {"-9223372036854.775808", "0", "-9223372036854.775808"},
		"the highest and the lowest is -1": {"9223372036854.775807", "-9223372036854.775808", "-0.000001"},
	} {
		a, errA := price.ParseAmount(c.a)
		b, errB := price.ParseAmount(c.b)
		sum, err := a.Add(b)
		if err := errors.Join(errA, errB, err); err != nil || sum.String() != c.sum {
			t.Errorf("%s: %s + %s = %s, %v, want %s", sentence, c.a, c.b, sum, err, c.sum)
		}
	}
}

func TestAmountRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := price.Amount(rapid.Int64().Draw(t, "amount"))
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back price.Amount
		if err := json.Unmarshal(data, &back); err != nil || back != a {
			t.Fatalf("%s became %d, %v", data, back, err)
		}
	})
}

func TestAddNeverWraps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b price.Amount }{{math.MaxInt64, 1}, {math.MinInt64, -1}} {
		if sum, err := c.a.Add(c.b); !errors.Is(err, price.ErrRange) {
			t.Errorf("%s + %s = %s, %v", c.a, c.b, sum, err)
		}
	}
}
