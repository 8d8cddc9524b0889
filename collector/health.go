package collector

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gputally/gputally/collector/meter"
)

// stalled is how many intervals a meter may miss before it counts as stuck.
const stalled = 30

type ticker interface {
	// Ticked returns when the latest poll began, the zero time before the first.
	Ticked() time.Time
}

type snapshots interface {
	// Latest returns the latest snapshot, nil before the first.
	Latest() *meter.Snapshot
}

// healthz answers 200 while the latest poll began no longer ago than patience.
func healthz(t ticker, patience time.Duration, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		last := t.Ticked()
		if last.IsZero() {
			http.Error(w, "the meter has not polled yet", http.StatusServiceUnavailable)
			return
		}
		if age := now().Sub(last); age > patience {
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
