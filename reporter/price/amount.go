package price

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Amount is money in millionths of the currency unit.
type Amount int64

// unit is how many Amounts make one unit of the currency.
const unit = 1_000_000

// ErrRange says that an amount does not fit, beyond 9.2 × 10¹² currency
// units, or that a quantity to be priced is negative.
var ErrRange = errors.New("amount out of range")

// Add returns the exact sum, or ErrRange.
func (a Amount) Add(b Amount) (Amount, error) {
	sum := a + b
	if (b > 0 && sum < a) || (b < 0 && sum > a) {
		return 0, fmt.Errorf("add %s to %s: %w", b, a, ErrRange)
	}
	return sum, nil
}

// String formats the amount with all six decimals: 12.345678.
func (a Amount) String() string {
	sign, abs := "", uint64(a)
	if a < 0 {
		sign, abs = "-", -abs
	}
	return fmt.Sprintf("%s%d.%06d", sign, abs/unit, abs%unit)
}

// MarshalText writes the amount as String does, so that JSON carries it as
// text and no reader makes a float of it.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what ParseAmount reads.
func (a *Amount) UnmarshalText(text []byte) error {
	parsed, err := ParseAmount(string(text))
	if err == nil {
		*a = parsed
	}
	return err
}

// ParseAmount reads a decimal number with at most six decimals, without
// exponent or thousands separators.
func ParseAmount(s string) (Amount, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !isDigits(whole) || (point && !isDigits(fraction)) {
		return 0, fmt.Errorf("amount %q is not a decimal number such as 12.5", s)
	}
	if len(fraction) > 6 {
		return 0, fmt.Errorf("amount %q has more than 6 decimals", s)
	}
	fraction += strings.Repeat("0", 6-len(fraction))
	abs, err := strconv.ParseUint(whole+fraction, 10, 64)
	switch {
	case err == nil && negative && abs == 1<<63:
		return math.MinInt64, nil
	case err != nil || abs > math.MaxInt64:
		return 0, fmt.Errorf("amount %q: %w", s, ErrRange)
	case negative:
		return -Amount(abs), nil
	}
	return Amount(abs), nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// product is an unsigned 128-bit sum of products. The pieces of one segment
// always fit: together they have at most 2⁶³ GPU-milliseconds, and a price has
// at most 10¹⁸ nano-units, less than 2⁶⁰.
type product struct {
	hi, lo uint64
}

// add adds a × b.
func (p *product) add(a, b uint64) {
	hi, lo := bits.Mul64(a, b)
	var carry uint64
	p.lo, carry = bits.Add64(p.lo, lo, 0)
	p.hi, _ = bits.Add64(p.hi, hi, carry)
}

// divide returns p ÷ d rounded half to even, and whether it fits an Amount.
func (p product) divide(d uint64) (Amount, bool) {
	if p.hi >= d {
		return 0, false
	}
	quotient, rest := bits.Div64(p.hi, p.lo, d)
	if quotient > math.MaxInt64 { // rounding up could wrap it to zero
		return 0, false
	}
	// rest < d, so d-rest does not wrap and compares rest with half of d.
	if rest > d-rest || (rest == d-rest && quotient%2 == 1) {
		quotient++
	}
	if quotient > math.MaxInt64 {
		return 0, false
	}
	return Amount(quotient), true
}
