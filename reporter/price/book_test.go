package price_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/price"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

func gpuHour(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		rates []price.Rate
		index int
		field string
		want  string
	}{
		"a negative price":       {[]price.Rate{{}, {Model: "A", GPUHour: gpuHour("-1")}}, 1, "gpu_hour", "negative"},
		"ten decimals":           {[]price.Rate{{GPUHour: gpuHour("0.0000000001")}}, 0, "gpu_hour", "9 decimals"},
		"a huge exponent":        {[]price.Rate{{GPUHour: decimal.New(1, 999_999_999)}}, 0, "gpu_hour", "above"},
		"a tiny exponent":        {[]price.Rate{{GPUHour: decimal.New(1, -999_999_999)}}, 0, "gpu_hour", "9 decimals"},
		"more than the maximum":  {[]price.Rate{{GPUHour: gpuHour("1000000000.000000001")}}, 0, "gpu_hour", "above"},
		"65 decimals, all zero":  {[]price.Rate{{GPUHour: gpuHour("1." + strings.Repeat("0", 65))}}, 0, "gpu_hour", "9 decimals"},
		"an end too fine":        {[]price.Rate{{To: day(2).Add(time.Nanosecond)}}, 0, "to", "millisecond"},
		"a range that is empty":  {[]price.Rate{{From: day(2), To: day(2)}}, 0, "from", "not before"},
		"parts of a millisecond": {[]price.Rate{{From: day(2).Add(time.Microsecond)}}, 0, "from", "millisecond"},
		"two equal selectors":    {[]price.Rate{{Model: "A"}, {Model: "A", From: day(3)}}, 1, "model", "rates[0]"},
		"globs that tie":         {[]price.Rate{{Model: "H100*"}, {Model: "*H100"}}, 1, "model", "rates[0]"},
		"every way to write any": {[]price.Rate{{Model: ""}, {Model: "*"}}, 1, "model", "rates[0]"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := price.New("EUR", c.rates, nil)
			var rateErr *price.RateError
			if !errors.As(err, &rateErr) {
				t.Fatalf("got %v, want a *RateError", err)
			}
			if rateErr.Index != c.index || rateErr.Field != c.field || !strings.Contains(rateErr.Reason, c.want) {
				t.Errorf("got %+v, want index %d, field %s, reason with %q", rateErr, c.index, c.field, c.want)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for sentence, rates := range map[string][]price.Rate{
		"no rates":                                 nil,
		"a price of nothing":                       {{GPUHour: decimal.Zero}},
		"trailing zeros beyond nine decimals":      {{GPUHour: gpuHour("1.500000000000")}},
		"trailing zeros up to 64 decimals":         {{GPUHour: gpuHour("1." + strings.Repeat("0", 64))}},
		"nine decimals":                            {{GPUHour: gpuHour("0.000000001")}},
		"the highest price":                        {{GPUHour: decimal.New(1, 9)}},
		"the highest price, written out":           {{GPUHour: gpuHour("1000000000.000000000")}},
		"ranges that touch, the later one first":   {{Model: "A", From: day(3)}, {Model: "A", To: day(3)}},
		"a range of a millisecond":                 {{From: day(3), To: day(3).Add(time.Millisecond)}},
		"equal models in clusters that differ":     {{Model: "A", Cluster: "x*"}, {Model: "A", Cluster: "y*"}},
		"ranges that touch":                        {{Model: "A", To: day(3)}, {Model: "A", From: day(3)}},
		"globs of one length that share no name":   {{Model: "A*"}, {Model: "B*"}},
		"equal models in pools that share no name": {{Model: "A", NodePool: "x*"}, {Model: "A", NodePool: "y*"}},
	} {
		if _, err := price.New("EUR", rates, nil); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestNewNamesAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := price.New("euro", []price.Rate{
		{Model: "A", GPUHour: gpuHour("-1"), From: day(3), To: day(2)},
		{Model: "B"},
		{Model: "B"},
	}, []string{"T4", ""})
	want := `currency: "euro" is not a three-letter code such as EUR
rates[0].gpu_hour: must not be negative
rates[0].from: 2026-11-03T00:00:00.000Z is not before to, 2026-11-02T00:00:00.000Z
rates[2].model: matches the same GPUs at the same time as rates[1] and is no more specific; end one before the other begins or narrow one
allow_unpriced[1]: is empty; write "*" for all models`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// A price with a long exponent would fill the disk with its digits.
func TestAPriceIsShownUpToElevenDigits(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		gpuHour decimal.Decimal
		want    string
	}{
		"eleven digits":         {gpuHour("10000000000"), "rates[0].gpu_hour: 10000000000 is above 1000000000"},
		"eleven and a fraction": {gpuHour("1000000000.5"), "rates[0].gpu_hour: 1000000000.5 is above 1000000000"},
		"twelve digits":         {gpuHour("100000000000"), "rates[0].gpu_hour: is above 1000000000"},
		"an exponent above 9":   {decimal.New(1, 10), "rates[0].gpu_hour: is above 1000000000"},
		"a million digits":      {decimal.New(1, 1_000_000), "rates[0].gpu_hour: is above 1000000000"},
		"one in the 65th place": {decimal.New(1, -65), "rates[0].gpu_hour: has more than 9 decimals"},
	} {
		if _, err := price.New("EUR", []price.Rate{{GPUHour: c.gpuHour}}, nil); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", sentence, err, c.want)
		}
	}
}

// A rate that is refused is not held against the rates after it.
func TestARefusedRateClashesWithNothing(t *testing.T) {
	t.Parallel()
	_, err := price.New("EUR", []price.Rate{{Model: "A", GPUHour: gpuHour("-1")}, {Model: "A"}}, nil)
	if want := "rates[0].gpu_hour: must not be negative"; err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestCurrency(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "eur", "EURO", "EU", " EUR"} {
		_, err := price.New(bad, nil, nil)
		var bookErr *price.BookError
		if !errors.As(err, &bookErr) || bookErr.Field != "currency" {
			t.Errorf("%q: got %v, want a *BookError of currency", bad, err)
		}
	}
	if book, err := price.New("CHF", nil, nil); err != nil || book.Currency() != "CHF" {
		t.Errorf("got %v, %v", book, err)
	}
}

// Reports keep the revision that they were made with, so a release that hashes
// the same book in another way would make all of them outdated.
func TestRevisionIsTheHashOfTheSortedLines(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		rates []price.Rate
		allow []string
		lines string
	}{
		"a book of nothing":       {nil, nil, `currency "EUR"`},
		"allowances without rate": {nil, []string{"T4", "P*", "*", "T4"}, "allow \"*\"\nallow \"P*\"\nallow \"T4\"\ncurrency \"EUR\""},
		"rates open and dated": {
			[]price.Rate{
				{Model: "B", Cluster: "eu-*", GPUHour: gpuHour("0.000000001"), From: day(3), To: day(4).Add(time.Millisecond)},
				{Model: "A", NodePool: "train", GPUHour: gpuHour("2.50")},
			},
			[]string{"T4"},
			"allow \"T4\"\n" +
				"currency \"EUR\"\n" +
				"rate \"*\" \"train\" \"A\" 2500000000 the beginning the end\n" +
				"rate \"eu-*\" \"*\" \"B\" 1 2026-11-03T00:00:00.000Z 2026-11-04T00:00:00.001Z",
		},
	} {
		book, err := price.New("EUR", c.rates, c.allow)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%x", sha256.Sum256([]byte(c.lines))); book.Revision() != want {
			t.Errorf("%s: got %s, want the hash of\n%s", sentence, book.Revision(), c.lines)
		}
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	a, b := price.Rate{Model: "A", GPUHour: gpuHour("2.50")}, price.Rate{Model: "B", GPUHour: gpuHour("1")}
	revision := func(currency string, allow []string, rates ...price.Rate) string {
		book, err := price.New(currency, rates, allow)
		if err != nil {
			t.Fatal(err)
		}
		return book.Revision()
	}
	base := revision("EUR", []string{"T4"}, a, b)
	same := a
	same.GPUHour, same.Cluster = gpuHour("2.5"), "*"
	if got := revision("EUR", []string{"T4"}, b, same); got != base {
		t.Error("order and spelling change the revision")
	}
	dearer := a
	dearer.GPUHour = gpuHour("2.500000001")
	for what, got := range map[string]string{
		"currency":   revision("USD", []string{"T4"}, a, b),
		"price":      revision("EUR", []string{"T4"}, dearer, b),
		"allowance":  revision("EUR", nil, a, b),
		"rates left": revision("EUR", []string{"T4"}, a),
	} {
		if got == base {
			t.Errorf("another %s has the same revision", what)
		}
	}
}

func TestAllowsUnpriced(t *testing.T) {
	t.Parallel()
	book, err := price.New("EUR", nil, []string{"Tesla*"})
	if err != nil {
		t.Fatal(err)
	}
	if !book.AllowsUnpriced("Tesla T4") || book.AllowsUnpriced("NVIDIA H100") {
		t.Error("Tesla* must allow Tesla T4 and nothing else")
	}
}
