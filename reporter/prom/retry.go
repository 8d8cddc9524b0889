package prom

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Retry says how often and when a request is made again that failed for a
// reason which may pass: no connection, status 429 or 5xx.
type Retry struct {
	Tries int           // in all; 0 means 3
	Base  time.Duration // the first wait, doubled each time; 0 means 500 ms
	Max   time.Duration // the longest wait; a server that asks for more is not asked again; 0 means 30 s

	// Sleep waits or returns the context's error. nil means to really wait.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter returns a number in [0, 1) that spreads the waits over the upper
	// half of their length. nil means a random one.
	Jitter func() float64
}

func (r *Retry) defaults() {
	if r.Tries == 0 {
		r.Tries = 3
	}
	if r.Base == 0 {
		r.Base = 500 * time.Millisecond
	}
	if r.Max == 0 {
		r.Max = 30 * time.Second
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	if r.Jitter == nil {
		r.Jitter = rand.Float64
	}
}

// do calls f until it succeeds, forbids to be called again, fails for good, or
// the tries are used up.
func (r *Retry) do(ctx context.Context, log *slog.Logger, f func() (again bool, err error)) error {
	for try := 1; ; try++ {
		again, err := f()
		var e *Error
		if err == nil || !again || try >= r.Tries || !errors.As(err, &e) || !e.retry || e.after > r.Max {
			return err
		}
		d := max(r.wait(try), e.after)
		log.Warn("Asking the metrics server again", "err", err, "try", try, "wait", d)
		if serr := r.Sleep(ctx, d); serr != nil {
			return errors.Join(serr, err)
		}
	}
}

// wait is the time between the try and the one after it.
func (r *Retry) wait(try int) time.Duration {
	d := r.Max
	if shift := try - 1; shift < 32 && r.Base<<shift>>shift == r.Base {
		d = min(r.Max, r.Base<<shift)
	}
	return d/2 + time.Duration(r.Jitter()*float64(d-d/2))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
