//go:build real && !race

package serve_test

import (
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// A month of five clusters and two hundred schedules of all periods and zones. One
// cluster is away for a week, one has hours that nobody can make anything of, and the
// process is replaced while it is so. The race detector makes it ten times as long, so
// it runs without; the weekend of the plain tests runs with it.
//
//nolint:paralleltest // see bubble
func TestASimulatedMonth(t *testing.T) {
	w := &world{
		begin: instant("2026-10-01T00:00:00Z"), restart: instant("2026-10-15T10:40:00Z"), end: instant("2026-11-02T14:00:00Z"),
		clusters: []string{"eu-1", "eu-2", "eu-3", "eu-4", "eu-5"},
		dead:     "eu-2", away: window.Window{From: instant("2026-10-12T12:30:00Z"), To: instant("2026-10-19T12:30:00Z")},
		damaged: []damagedHour{
			{"eu-4", window.Hour(instant("2026-10-03T03:00:00Z")), time.Time{}},
			{"eu-4", window.Hour(instant("2026-10-06T07:00:00Z")), instant("2026-10-09T15:30:00Z")},
			{"eu-4", window.Hour(instant("2026-10-25T01:00:00Z")), instant("2026-10-27T20:20:00Z")},
		},
		// What takes the time is to read the hours, so most of them report months.
		plans: plans(t, 200, "day", "week", "month", "month", "week", "month", "month", "month", "month", "month"), samples: 15 * 24 * time.Hour,
	}
	bubble(t, w.test)
}
