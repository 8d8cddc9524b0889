package usage

import "math"

// target is one scraped process, or several one after the other.
type target struct {
	key   string
	start steps // Unix seconds
	age   ages
	node  string
	job   string
	up    sighting

	former bool // it was seen before the window only
}

// millis converts seconds.
func millis(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }
