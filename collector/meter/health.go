package meter

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// ErrGaveUp means that a source that worked has failed for so long that another
// process may do better: LoopConfig.GiveUp.
var ErrGaveUp = errors.New("the driver worked and fails since; another process in a new container may do better, as it gets its device files back")

// outage is the time since when each poll failed. The zero value is none.
type outage struct {
	since time.Time
	why   reasons
}

// goOn takes in another failure; true if its reason is to be logged.
func (o *outage) goOn(reason string, begin, end time.Time) bool {
	if o.since.IsZero() {
		o.since = begin
	}
	return o.why.news(reason, end)
}

// noAnswer is what the failure of a source means.
const noAnswer = "Source does not answer; what it said last is metered for a while (--meter.max-gap), then nothing, until it answers"

// sourceHealth counts the polls of one source and logs when it goes and comes, and
// when the reason for which it does not answer is another.
type sourceHealth struct {
	name     string
	fault    string // what its failure means, where that isn't noAnswer
	up       bool
	released bool
	failures int64
	duration time.Duration
	outage   outage
}

// note takes in the outcome of a poll.
func (s *sourceHealth) note(log *slog.Logger, err error, begin, end time.Time) {
	s.duration = end.Sub(begin)
	released := errors.Is(err, device.ErrReleased)
	if released != s.released {
		s.released, s.outage = released, outage{}
		if released {
			log.Warn("Source is released, as requested; nothing is metered until it is resumed", "peer", s.name)
		}
	}
	switch {
	case released:
		s.up = false
		s.outage.goOn(err.Error(), begin, end)
		return
	case err == nil:
		if !s.up {
			log.Info("Source answers", "peer", s.name)
		}
		s.up, s.outage = true, outage{}
		return
	}
	s.up = false
	s.failures++
	if s.outage.goOn(err.Error(), begin, end) {
		log.Warn(cmp.Or(s.fault, noAnswer), "peer", s.name, "err", err)
	}
}

func (s *sourceHealth) snapshot() SourceHealth {
	return SourceHealth{
		Name: s.name, Up: s.up, Released: s.released, Failures: s.failures, Duration: s.duration,
		Since: s.outage.since, Reason: s.outage.why.latest,
	}
}

// endurance is for how long the driver has failed in a way that another process
// may not meet.
type endurance struct {
	limit  time.Duration // 0 for ever
	worked bool          // some GPU was up once
	outage outage
}

// bear takes in a poll of the driver, with err if it failed. The error is ErrGaveUp
// when that has lasted for too long.
func (e *endurance) bear(log *slog.Logger, inv *device.Inventory, err error, begin, end time.Time) error {
	reason := inv.Restart
	switch {
	case errors.Is(err, device.ErrReleased):
		e.outage = outage{}
		return nil
	case err != nil:
		reason = err.Error()
	case reason == "":
		e.outage = outage{}
		for _, g := range inv.GPUs {
			e.worked = e.worked || g.Reading.Up
		}
		return nil
	}
	if e.outage.goOn(reason, begin, end) && err == nil {
		log.Warn("The driver answers, but not all that it used to; if that lasts, the process ends (--nvml.give-up)", "reason", reason)
	}
	if ends := e.ends(); ends.IsZero() || end.Before(ends) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrGaveUp, reason)
}

// ends is when it will have lasted for too long, zero for never.
func (e *endurance) ends() time.Time {
	if e.limit <= 0 || !e.worked || e.outage.since.IsZero() {
		return time.Time{}
	}
	return e.outage.since.Add(e.limit)
}

// health is that of the driver.
func (e *endurance) health(of *sourceHealth) SourceHealth {
	h := of.snapshot()
	if h.Released {
		return h
	}
	h.Since, h.Reason, h.Ends = e.outage.since, e.outage.why.latest, e.ends()
	return h
}
