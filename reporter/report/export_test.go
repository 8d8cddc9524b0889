package report

import "math/big"

// AppendCell writes a cell of a CSV file.
func AppendCell(text string) string { return string(appendCell(nil, text)) }

// Rounded is n ÷ unit by the fast way and by the one for numbers of any size.
func Rounded(n, unit int64, places int) (fast, slow string) {
	return string(appendRounded(nil, n, unit, places)), rounded(big.NewInt(n), unit, places)
}

// Fixed writes a whole number of 10^-places.
func Fixed(n int64, places int) string { return fixed(n, places) }
