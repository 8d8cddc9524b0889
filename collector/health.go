package collector

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gputally/gputally/collector/meter"
)

// stalled is how many intervals may pass without a poll before the process
// counts as sick. Hanging drivers are bounded by their own time-out, so that
// only a meter that is truly stuck gets there.
const stalled = 30

type ticker interface {
	// Ticked returns when the latest poll began, the zero time before the first.
	Ticked() time.Time
}

type snapshots interface {
	// Latest returns the latest snapshot, nil before the first.
	Latest() *meter.Snapshot
}

// healthz answers 200 while the meter ticks.
func healthz(t ticker, interval time.Duration, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		age := now().Sub(t.Ticked())
		if age > stalled*interval {
			http.Error(w, fmt.Sprintf("the meter last polled %s ago", age.Round(time.Second)), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
}

// readyz answers 200 once there is a snapshot.
func readyz(s snapshots) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if s.Latest() == nil {
			http.Error(w, "no poll has ended yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
}
