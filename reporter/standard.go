package reporter

import (
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// standard says whether what the samples of an hour tell now may replace what is
// booked of it. Nil lets anything.
type standard func(booked, now usage.Coverage) bool

// noLess guards against samples that are gone: a server that has forgotten
// them, or that is asked for others now, must not make an hour smaller. A
// second for each GPU is what edges may move by.
func noLess(booked, now usage.Coverage) bool {
	const second = int64(time.Hour / time.Second)
	return measured(now) >= measured(booked)-booked.Expected/second
}

// onlyMore is for hours that are read again on the chance that samples arrived late.
func onlyMore(booked, now usage.Coverage) bool { return measured(now) > measured(booked) }

// measured is the time for which samples say what a GPU did, in GPU-milliseconds.
func measured(c usage.Coverage) int64 {
	return c.Allocated + c.Unallocated + c.Unattributed + c.Unavailable - c.Estimated
}

// check is an error if the hour may not replace the booked one.
func (may standard) check(booked ledger.Entry, now usage.Hour) error {
	if may == nil || booked.Key == "" || may(booked.Coverage, now.Coverage) {
		return nil
	}
	return &lessError{now.Cluster, now.Window, booked.Coverage, now.Coverage}
}

// lessError says that an hour stays as it is booked.
type lessError struct {
	cluster     string
	hour        window.Window
	booked, now usage.Coverage
}

func (e *lessError) Error() string {
	return fmt.Sprintf("hour %s of cluster %s stays as it is booked, with samples of %.3f GPU-hours where there are %.3f now: "+
		"look at the server's retention and at prometheus.selector; close --restate --force replaces it all the same",
		e.hour.From.Format(time.RFC3339), e.cluster, float64(measured(e.booked))/gpuHour, float64(measured(e.now))/gpuHour)
}

// stays tells whether an hour can't be read again, so that what is booked of it
// stays: there are no samples left, or too few.
func stays(err error) bool {
	less := (*lessError)(nil)
	return errors.Is(err, usage.ErrNoData) || errors.As(err, &less)
}
