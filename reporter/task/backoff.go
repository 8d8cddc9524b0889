package task

import "time"

const (
	// maxPause is the longest pause after a failure.
	maxPause = 30 * time.Minute
	// maxAsked bounds what a server may ask for.
	maxAsked = 24 * time.Hour
)

// Backoff is the pause after failures: it doubles with each of them.
type Backoff struct {
	First  time.Duration  // after the first failure
	Jitter func() float64 // 0 to 1; takes up to a half off
}

// After is the pause after so many failures in a row, at least 1. The latest is
// err: if it says how long the server wants to be left alone, that is the pause.
func (b Backoff) After(failures int, err error) time.Duration {
	pause := maxPause
	if shift := failures - 1; shift < 20 { // half an hour doubled 20 times is 60 years
		pause = min(min(b.First, maxPause)<<shift, maxPause)
	}
	pause -= time.Duration(b.Jitter() * float64(pause) / 2)
	return max(pause, Asked(err))
}

// Asked is how long the servers that an error came from want to be left alone, 0
// if none of them said so. Of several, the one that asks for longest counts.
func Asked(err error) time.Duration {
	var asked time.Duration
	if of, says := err.(interface{ RetryAfter() time.Duration }); says {
		asked = of.RetryAfter()
	}
	switch of := err.(type) { //nolint:errorlint // all of the tree is walked
	case interface{ Unwrap() error }:
		asked = max(asked, Asked(of.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, one := range of.Unwrap() {
			asked = max(asked, Asked(one))
		}
	}
	return min(max(asked, 0), maxAsked)
}
