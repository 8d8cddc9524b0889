package reporter

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// clockTolerance is how far a clock may be ahead of another one without being wrong:
// an answer takes its time.
const clockTolerance = time.Minute

// hourClock is the clock by which the hours of a cluster end: this machine's, unless
// that is ahead of the clock of the server that stamped the samples. An hour that is
// over for a clock that was set wrong would be closed before its last samples came.
type hourClock struct {
	cluster string
	now     func() time.Time
	log     *slog.Logger

	mu    sync.Mutex
	of    map[string]time.Duration // how far it is ahead of each server, by URL
	ahead time.Duration            // of the server that is ahead the least; 0 within the tolerance
}

// Now is the time by the slower of the two clocks.
func (c *hourClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(-c.ahead)
}

// hear takes what time it is for a server. Replicas may differ.
func (c *hourClock) hear(server string, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]time.Duration{}
	}
	c.of[server] = c.now().Round(0).Sub(at)
	ahead, before := slices.Min(slices.Collect(maps.Values(c.of))), c.ahead
	if ahead < clockTolerance {
		ahead = 0
	}
	c.ahead = ahead
	switch {
	case ahead > 0 && (before == 0 || (ahead-before).Abs() > clockTolerance):
		c.log.Warn("This machine's clock is ahead of the metrics server's, by which hours are closed until it is set",
			"cluster", c.cluster, "ahead", ahead.Round(time.Second))
	case ahead == 0 && before > 0:
		c.log.Info("This machine's clock agrees with the metrics server's again", "cluster", c.cluster)
	}
}
