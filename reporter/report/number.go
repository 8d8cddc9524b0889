package report

import (
	"math/big"
	"strconv"
	"strings"
)

// fixed formats a whole number of 10^-places with all its decimals.
func fixed(n int64, places int) string {
	text, negative := strings.CutPrefix(strconv.FormatInt(n, 10), "-")
	if len(text) <= places {
		text = strings.Repeat("0", places+1-len(text)) + text
	}
	text = text[:len(text)-places] + "." + text[len(text)-places:]
	if negative {
		return "-" + text
	}
	return text
}

// seconds formats milliseconds as seconds, exactly.
func seconds(ms int64) string { return fixed(ms, 3) }

// hours formats milliseconds as hours, rounded half to even; 2 to 6 places.
func hours(ms int64, places int) string {
	return rounded(big.NewInt(ms), 3_600_000, places)
}

// kilowattHours formats millijoules.
func kilowattHours(mj int64) string { return rounded(big.NewInt(mj), 3_600_000_000, 6) }

// gibHours formats an integral of memory.
func gibHours(b ByteSeconds) string {
	n := new(big.Int).SetUint64(b.hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(b.lo))
	return rounded(n, 3600<<30, 6)
}

// rounded formats n ÷ unit with some decimals, rounded half to even.
func rounded(n *big.Int, unit int64, places int) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	quotient, rest := new(big.Int).QuoRem(scale.Mul(scale, n), big.NewInt(unit), new(big.Int))
	half := rest.Abs(rest).Lsh(rest, 1).Cmp(big.NewInt(unit))
	if half > 0 || (half == 0 && quotient.Bit(0) == 1) {
		quotient.Add(quotient, big.NewInt(int64(n.Sign())))
	}
	if quotient.IsInt64() {
		return fixed(quotient.Int64(), places)
	}
	text := quotient.String()
	return text[:len(text)-places] + "." + text[len(text)-places:]
}
