package meter

import (
	"log/slog"
	"time"
)

// sourceHealth counts the polls of one source and logs when it goes and comes, and
// when the reason for which it does not answer is another.
type sourceHealth struct {
	name     string
	up       bool
	failures int64
	duration time.Duration
	since    time.Time // of the first poll that failed, zero while the source answers
	why      reasons
}

// note takes in the outcome of a poll.
func (s *sourceHealth) note(log *slog.Logger, err error, begin, end time.Time) {
	s.duration = end.Sub(begin)
	if err == nil {
		if !s.up {
			log.Info("Source answers", "peer", s.name)
		}
		s.up, s.since, s.why = true, time.Time{}, reasons{}
		return
	}
	s.up = false
	s.failures++
	if s.since.IsZero() {
		s.since = begin
	}
	if s.why.news(err.Error(), end) {
		log.Warn("Source does not answer; what it said last is metered for a while (--meter.max-gap), then nothing, until it answers", "peer", s.name, "err", err)
	}
}

func (s *sourceHealth) snapshot() SourceHealth {
	return SourceHealth{Name: s.name, Up: s.up, Failures: s.failures, Duration: s.duration, Since: s.since, Reason: s.why.latest}
}
