package serve

import (
	"context"
	"errors"
	"net/http"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/task"
)

// ofServer tells whether an error says more about Prometheus or the bucket than
// about the hour or period that was worked on: the server is away, too busy,
// refuses us, or is too slow. What outlives the deadline of its unit counts against
// the unit, since servers have shorter time-outs of their own.
func ofServer(err error) bool {
	if late := (*task.DeadlineError)(nil); errors.As(err, &late) {
		return false
	}
	if early := (*closing.EarlyError)(nil); errors.As(err, &early) { // a clock is wrong
		return true
	}
	return ofBucket(err) || ofPrometheus(err) || errors.Is(err, context.DeadlineExceeded)
}

// ofBucket tells whether the bucket can't be used. An object that is not there, or
// that another process wrote first, says nothing about the others.
func ofBucket(err error) bool {
	if errors.Is(err, bucket.ErrNotFound) || errors.Is(err, bucket.ErrConflict) {
		return false
	}
	op := (*bucket.OpError)(nil)
	return errors.As(err, &op) || errors.Is(err, bucket.ErrDenied) || errors.Is(err, bucket.ErrNoBucket) || errors.Is(err, bucket.ErrNoSpace)
}

// ofPrometheus tells whether a source can't be read. One that refuses a request,
// or answers it with what can't be read, may answer that of another hour.
func ofPrometheus(err error) bool {
	if errors.Is(err, source.ErrIncomplete) || errors.Is(err, source.ErrLabels) || errors.Is(err, prom.ErrNoRoad) || errors.Is(err, prom.ErrNotStreamed) || errors.Is(err, prom.ErrTruncated) {
		return true
	}
	answer := (*prom.Error)(nil)
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Kind {
	case series.Rejected:
		return answer.Status != http.StatusBadRequest && answer.Status != http.StatusUnprocessableEntity
	case series.Limit, series.Protocol:
		return false
	case series.Unreachable, series.Unauthorized, series.Overloaded, series.Timeout, series.Failed, series.Partial:
		return true
	}
	return true
}
