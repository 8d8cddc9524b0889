package task

import (
	"errors"
	"time"
)

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

// Asked is how long the server that an error came from wants to be left alone, 0
// if it did not say.
func Asked(err error) time.Duration {
	var asked interface{ RetryAfter() time.Duration }
	if !errors.As(err, &asked) {
		return 0
	}
	return min(max(asked.RetryAfter(), 0), maxAsked)
}
