package price_test

import (
	"encoding/json"
	"errors"
	"math"
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
	if got, err := price.ParseAmount("2.5"); err != nil || got != 2_500_000 {
		t.Errorf("ParseAmount(2.5) = %d, %v", got, err)
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
	if sum, err := price.Amount(math.MaxInt64).Add(math.MinInt64); err != nil || sum != -1 {
		t.Errorf("max + min = %s, %v", sum, err)
	}
}
