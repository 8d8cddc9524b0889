package price_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/window"
)

func TestDigest(t *testing.T) {
	t.Parallel()
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	w := window.Window{From: november, To: november.AddDate(0, 1, 0)}
	rates := func(change func([]price.Rate) []price.Rate) []price.Rate {
		return change([]price.Rate{
			{Model: "*H100*", GPUHour: decimal.RequireFromString("2.5")},
			{Model: "*A100*", Cluster: "eu-*", GPUHour: decimal.RequireFromString("1.5"), From: november.AddDate(0, 0, 10)},
			{Model: "*A100*", Cluster: "us-*", GPUHour: decimal.RequireFromString("1.6")},
		})
	}
	for sentence, c := range map[string]struct {
		currency string
		allowed  []string
		change   func([]price.Rate) []price.Rate
		same     bool
	}{
		"the same book":              {"EUR", nil, func(r []price.Rate) []price.Rate { return r }, true},
		"another order":              {"EUR", nil, func(r []price.Rate) []price.Rate { return []price.Rate{r[2], r[1], r[0]} }, true},
		"a price of another cluster": {"EUR", nil, func(r []price.Rate) []price.Rate { r[2].GPUHour = decimal.NewFromInt(9); return r }, true},
		"a rate of another time": {"EUR", nil, func(r []price.Rate) []price.Rate {
			return append(r, price.Rate{Model: "T4", GPUHour: decimal.NewFromInt(1), From: w.To})
		}, true},
		"a rate that ends when the window does": {"EUR", nil, func(r []price.Rate) []price.Rate { r[1].To = w.To; return r }, true},
		"a rate that ends in the window":        {"EUR", nil, func(r []price.Rate) []price.Rate { r[1].To = w.To.Add(-time.Hour); return r }, false},
		"a rate that begins in the window":      {"EUR", nil, func(r []price.Rate) []price.Rate { r[0].From = w.From.Add(time.Hour); return r }, false},
		"another price":                         {"EUR", nil, func(r []price.Rate) []price.Rate { r[0].GPUHour = decimal.NewFromInt(9); return r }, false},
		"another currency":                      {"USD", nil, func(r []price.Rate) []price.Rate { return r }, false},
		"a model without a price is allowed":    {"EUR", []string{"T4"}, func(r []price.Rate) []price.Rate { return r }, false},
	} {
		before, err := price.New("EUR", rates(func(r []price.Rate) []price.Rate { return r }), nil)
		if err != nil {
			t.Fatal(err)
		}
		after, err := price.New(c.currency, rates(c.change), c.allowed)
		if err != nil {
			t.Fatal(err)
		}
		clusters := []string{"eu-1"}
		if got := before.Digest(w, clusters) == after.Digest(w, clusters); got != c.same {
			t.Errorf("%s: the same: %v", sentence, got)
		}
	}
}
