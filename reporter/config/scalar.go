package config

import (
	"fmt"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/window"
)

// duration is written as Prometheus writes it: 90s, 2m, 1h30m, 7d.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := model.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90s, 10m or 1h30m", text)
	}
	*d = duration(parsed)
	return nil
}

func (d duration) String() string { return model.Duration(d).String() }

// amount is a number in decimal notation, kept exactly. Exponents are refused:
// 1e999999999 is short to write and long to compute.
type amount struct{ decimal.Decimal }

var plainNumber = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)

func (a *amount) UnmarshalText(text []byte) error {
	if !plainNumber.Match(text) {
		return fmt.Errorf("%q is not a decimal number such as 3.20", text)
	}
	parsed, err := decimal.NewFromString(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a decimal number: %w", text, err)
	}
	a.Decimal = parsed
	return nil
}

// milliGPUs is a number of GPUs with at most three decimals, in thousandths.
type milliGPUs int64

func (m *milliGPUs) UnmarshalText(text []byte) error {
	var a amount
	if err := a.UnmarshalText(text); err != nil {
		return err
	}
	milli := a.Shift(3)
	if !milli.IsInteger() {
		return fmt.Errorf("%s has more than three decimals", text)
	}
	if !milli.BigInt().IsInt64() {
		return fmt.Errorf("%s is too large", text)
	}
	*m = milliGPUs(milli.IntPart())
	return nil
}

// instant reads a date, which is the zone's midnight, or an RFC 3339 time. The
// zero time stands for nothing.
func instant(text string, loc *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return window.FirstReading(t, loc), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a date such as 2026-11-20 nor a time such as 2026-11-20T05:30:00Z", text)
	}
	return t.UTC(), nil
}
