//go:build linux && cgo

package nvml

import (
	"context"
	"errors"
)

// A lane lets one caller through at a time. It holds a token while a call is out.
type lane chan struct{}

func newLane() lane { return make(lane, 1) }

// claim closes the lane to all others, unless a call is out.
func (l lane) claim() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

// free opens a lane that was claimed.
func (l lane) free() { <-l }

// through runs f on a goroutine of its own and waits for it until ctx ends.
// A driver call can't be interrupted: when time is up, f is left to finish, its
// result is dropped, and until then the lane answers ErrHangs at once. So at
// most one thread per lane is ever stuck.
func through[T any](ctx context.Context, l lane, f func() T) (T, error) {
	var none T
	select {
	case l <- struct{}{}:
	default:
		return none, ErrHangs
	}
	done := make(chan T, 1)
	go func() {
		v := f()
		<-l // before the result, so that the caller finds the lane free
		done <- v
	}()
	select {
	case v := <-done:
		return v, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return none, ctx.Err()
		}
		return none, ErrHangs
	}
}
