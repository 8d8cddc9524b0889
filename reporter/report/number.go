package report

import (
	"math/big"
	"math/bits"
	"strconv"
)

// appendFixed writes a whole number of 10^-places with all its decimals.
func appendFixed(to []byte, n int64, places int) []byte {
	magnitude := uint64(n)
	if n < 0 {
		to = append(to, '-')
		magnitude = -magnitude
	}
	return appendMagnitude(to, magnitude, places)
}

func appendMagnitude(to []byte, n uint64, places int) []byte {
	unit := powerOfTen(places)
	to = strconv.AppendUint(to, n/unit, 10)
	to = append(to, '.')
	begin := len(to)
	to = strconv.AppendUint(to, n%unit+unit, 10) // a 1 and all decimals
	return append(to[:begin], to[begin+1:]...)
}

func powerOfTen(n int) uint64 {
	power := uint64(1)
	for range n {
		power *= 10
	}
	return power
}

// fixed is appendFixed for a text.
func fixed(n int64, places int) string { return string(appendFixed(nil, n, places)) }

// appendSeconds writes milliseconds as seconds, exactly.
func appendSeconds(to []byte, ms int64) []byte { return appendFixed(to, ms, 3) }

func seconds(ms int64) string { return fixed(ms, 3) }

// appendHours writes milliseconds as hours, rounded half to even; 2 to 6 places.
func appendHours(to []byte, ms int64, places int) []byte {
	return appendRounded(to, ms, 3_600_000, places)
}

// Hours is milliseconds as hours, rounded half to even; 2 to 6 places.
func Hours(ms int64, places int) string { return string(appendHours(nil, ms, places)) }

// appendKilowattHours writes millijoules.
func appendKilowattHours(to []byte, mj int64) []byte { return appendRounded(to, mj, 3_600_000_000, 6) }

// appendGiBHours writes an integral of memory.
func appendGiBHours(to []byte, b ByteSeconds) []byte {
	const unit = 3600 << 30
	if b.hi == 0 && b.lo < 1<<63 {
		return appendRounded(to, int64(b.lo), unit, 6)
	}
	n := new(big.Int).SetUint64(b.hi)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(b.lo))
	return append(to, rounded(n, unit, 6)...)
}

// appendRounded writes n ÷ unit with some decimals, rounded half to even.
func appendRounded(to []byte, n, unit int64, places int) []byte {
	high, low := bits.Mul64(uint64(n), powerOfTen(places))
	if n < 0 || high >= uint64(unit) {
		return append(to, rounded(big.NewInt(n), unit, places)...)
	}
	quotient, rest := bits.Div64(high, low, uint64(unit))
	if other := uint64(unit) - rest; rest > other || (rest == other && quotient%2 == 1) {
		quotient++
	}
	return appendMagnitude(to, quotient, places)
}

// rounded is appendRounded for numbers of any size.
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
