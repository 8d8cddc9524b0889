package prom

import (
	"math"
	"strconv"
)

// isNumber reports whether a word is a number of JSON.
func isNumber(word []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(word) && '0' <= word[n] && word[n] <= '9' {
			n++
		}
		word = word[n:]
		return n > 0
	}
	if len(word) > 0 && word[0] == '-' {
		word = word[1:]
	}
	if len(word) > 1 && word[0] == '0' && '0' <= word[1] && word[1] <= '9' {
		return false
	}
	if !digits() {
		return false
	}
	if len(word) > 0 && word[0] == '.' {
		if word = word[1:]; !digits() {
			return false
		}
	}
	if len(word) > 0 && (word[0] == 'e' || word[0] == 'E') {
		word = word[1:]
		if len(word) > 0 && (word[0] == '+' || word[0] == '-') {
			word = word[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(word) == 0
}

// parseValue reads a sample's value as servers write it, also NaN and Inf.
func parseValue(text []byte) (float64, error) {
	if v, n := plainNumber(text); n == len(text) && n > 0 {
		return v, nil
	}
	switch string(text) {
	case "NaN":
		return math.NaN(), nil
	case "+Inf", "Inf", "Infinity":
		return math.Inf(1), nil
	case "-Inf", "-Infinity":
		return math.Inf(-1), nil
	}
	if !isNumber(text) {
		return 0, garbled("value %q is no number", text)
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, garbled("value %q is no number", text)
	}
	return v, nil
}

// plainNumber reads a decimal number without exponent at the beginning of b, as
// far as two exact floats give it exactly: a whole number below 2^53 divided by
// a power of ten below 10^23 is rounded once, as it should. n is the length of
// the text, 0 if the number is not of this kind.
func plainNumber(b []byte) (v float64, n int) {
	i := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		i++
	}
	start := i
	var whole uint64
	for i < len(b) && b[i]-'0' <= 9 {
		whole = whole*10 + uint64(b[i]-'0')
		i++
	}
	digits := i - start
	if digits == 0 || digits > 1 && b[start] == '0' {
		return 0, 0
	}
	places := 0
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for i < len(b) && b[i]-'0' <= 9 {
			whole = whole*10 + uint64(b[i]-'0')
			i++
		}
		if places = i - point; places == 0 {
			return 0, 0
		}
	}
	if digits+places > 18 || whole >= 1<<53 || i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		return 0, 0
	}
	v = float64(whole)
	if places > 0 {
		v /= powersOfTen[places]
	}
	if negative {
		v = -v
	}
	return v, i
}

// powersOfTen are exact.
var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// plainSeconds reads a time as Prometheus writes it, Unix seconds with at most
// three places, at the beginning of b. n is 0 if it is not of this kind.
func plainSeconds(b []byte) (ms int64, n int) {
	i := 0
	for i < len(b) && i < 15 && b[i]-'0' <= 9 {
		ms = ms*10 + int64(b[i]-'0')
		i++
	}
	if i == 0 || i > 1 && b[0] == '0' {
		return 0, 0
	}
	ms *= 1000
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for unit := int64(100); i < len(b) && unit > 0 && b[i]-'0' <= 9; unit /= 10 {
			ms += int64(b[i]-'0') * unit
			i++
		}
		if i == point {
			return 0, 0
		}
	}
	if i < len(b) && wordByte(b[i]) {
		return 0, 0
	}
	return ms, i
}

// parseSeconds reads a time in Unix seconds as Unix milliseconds.
func parseSeconds(word []byte) (int64, error) {
	if ms, n := plainSeconds(word); n == len(word) && n > 0 {
		return ms, nil
	}
	const most = 1e15 // seconds
	if isNumber(word) {
		if v, err := strconv.ParseFloat(string(word), 64); err == nil && math.Abs(v) < most {
			return int64(math.Round(v * 1000)), nil
		}
	}
	return 0, garbled("time %q is not in Unix seconds", word)
}
