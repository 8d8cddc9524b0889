package reporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// standard says whether what the samples of an hour tell now may replace what is
// booked of it. Nil lets anything.
type standard func(booked, now told) bool

// noLess guards against samples that are gone: a server that has forgotten
// them, or that is asked for others now, must not make an hour smaller. A
// second for each GPU is what edges may move by.
func noLess(booked, now told) bool { return now.millis >= booked.millis-1000*booked.gpus }

// onlyMore is for hours that are read again on the chance that samples arrived late.
func onlyMore(booked, now told) bool { return now.millis > booked.millis }

// told is how much of an hour samples tell.
type told struct {
	gpus   int64
	millis int64 // for which samples say what a GPU did, in GPU-milliseconds
}

// telling finds out what is told of an hour, from its segments in their order.
// What a GPU has beyond the hour is what the hour before could not book. Nothing
// more is known of this hour for it, and another GPU's gap is none the smaller.
type telling struct {
	hour int64 // milliseconds
	sum  told

	uuid            string // of the GPU at hand, "" before the first
	all, own, guess int64  // its time, what samples say of it, and what of that bridges gaps
}

func newTelling(hour window.Window) *telling { return &telling{hour: hour.Duration().Milliseconds()} }

func (t *telling) see(segments []usage.Segment) {
	for i := range segments {
		s := &segments[i]
		if s.UUID != t.uuid {
			t.next(s.UUID)
		}
		t.all += s.GPUMillis
		if s.State != usage.Uncovered && s.State != usage.Absent {
			t.own += s.GPUMillis
			t.guess += s.EstimatedMillis
		}
	}
}

// next ends the GPU at hand.
func (t *telling) next(uuid string) {
	if t.own > 0 {
		t.sum.gpus++
		t.sum.millis += t.own - max(0, t.all-t.hour) - t.guess
	}
	t.uuid, t.all, t.own, t.guess = uuid, 0, 0, 0
}

func (t *telling) told() told {
	t.next("")
	return t.sum
}

// check is an error if the hour may not replace the booked one. One that is
// damaged is to be replaced.
func (may standard) check(ctx context.Context, c *cluster, booked ledger.Entry, now told) error {
	if may == nil || booked.Key == "" {
		return nil
	}
	t := newTelling(booked.Window)
	err := c.ledger.Segments(ctx, c.name, booked.Window, func(segments []usage.Segment) error {
		t.see(segments)
		return nil
	})
	if corrupt := (*ledger.CorruptError)(nil); errors.As(err, &corrupt) {
		return nil
	}
	if err != nil {
		return err
	}
	if before := t.told(); !may(before, now) {
		return &lessError{c.name, booked.Window, before, now}
	}
	return nil
}

// lessError says that an hour stays as it is booked.
type lessError struct {
	cluster     string
	hour        window.Window
	booked, now told
}

func (e *lessError) Error() string {
	return fmt.Sprintf("hour %s of cluster %s stays as it is booked, with samples of %.3f GPU-hours where there are %.3f now: "+
		"look at the server's retention and at prometheus.selector; close --restate --force replaces it all the same",
		e.hour.From.Format(time.RFC3339), e.cluster, float64(e.booked.millis)/gpuHour, float64(e.now.millis)/gpuHour)
}

// stays tells whether an hour can't be read again, so that what is booked of it
// stays: there are no samples left, or too few.
func stays(err error) bool {
	less := (*lessError)(nil)
	return errors.Is(err, usage.ErrNoData) || errors.As(err, &less)
}
