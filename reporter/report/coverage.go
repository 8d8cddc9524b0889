package report

import (
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/usage"
)

// Ratio is a ratio from 0 to 1 in millionths, rounded down, so that 1.000000
// means the whole.
type Ratio int64

const whole Ratio = 1_000_000

// residueTolerance: an excess of up to one thousandth of the expected time is
// rounding, or time that the neighbouring hours counted.
const residueTolerance = 1000

// String formats the ratio with six decimals: 0.998611.
func (r Ratio) String() string { return fixed(int64(r), 6) }

// MarshalText writes the ratio as String does.
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Ratio) UnmarshalText(text []byte) error {
	millionths, err := price.ParseAmount(string(text)) // the same six decimals
	if err != nil {
		return fmt.Errorf("ratio: %w", err)
	}
	*r = Ratio(millionths)
	return nil
}

// Coverage says how much of a period is known.
type Coverage struct {
	usage.Coverage
	HoursAsked  int   // hours of the period × clusters
	HoursClosed int   // those of them that are closed and in the report
	HoursOpen   int   // those that a preview read as far as they went
	OpenMillis  int64 // how far that was, over all of them
}

// Ratio is the known part of the expected GPU time, times the part of the hours
// that is closed or was read while open, because nobody knows what a missing
// hour would hold. If the parts exceed the whole by more than rounding explains,
// the excess is taken off, so that it can't fill a hole elsewhere.
func (c Coverage) Ratio() Ratio {
	if c.HoursAsked == 0 {
		return 0
	}
	known, expected := int64(1), int64(1)
	if c.Expected > 0 {
		known = max(0, min(c.Expected, c.Allocated+c.Unallocated+c.Unattributed+c.Unavailable))
		if excess := -c.Residue; excess > c.Expected/residueTolerance {
			known = max(0, min(known, c.Expected-excess))
		}
		expected = c.Expected
	}
	const hour = int64(time.Hour / time.Millisecond)
	num := product(known, int64(c.HoursClosed)*hour+c.OpenMillis, int64(whole))
	return Ratio(num.Quo(num, product(expected, int64(c.HoursAsked)*hour)).Int64())
}

func product(factors ...int64) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, big.NewInt(f))
	}
	return p
}

// Below reports whether the ratio is less than a minimum from a configuration.
func (r Ratio) Below(minimum float64) bool {
	return r < Ratio(math.Round(minimum*float64(whole)))
}

// Gap is a run of hours of one cluster that are not closed.
type Gap struct {
	Cluster string    `json:"cluster"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

func (g Gap) String() string {
	return fmt.Sprintf("cluster %s has no closed hours from %s to %s",
		g.Cluster, g.From.Format(time.RFC3339), g.To.Format(time.RFC3339))
}

// Hinted is the gap with what to do about it, if it lies in the past.
// Close alone goes back a day only.
func (g Gap) Hinted() string {
	return fmt.Sprintf("%s; run gputally-reporter close --from=%s for them", g, g.From.UTC().Format(time.RFC3339))
}
