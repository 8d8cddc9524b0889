package serve

import (
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// failedFor is how long a Failed report is shown as such: after the end of its
// period, or after this process made it.
const failedFor = retryReach

// failedReports are the periods of a schedule whose current report is Failed, as
// far as this process has seen: by their begin, until when they are shown.
type failedReports map[time.Time]time.Time

// note notes the state of a period's current report.
func (f failedReports) note(period window.Window, state report.State, since time.Time) {
	from := period.From.UTC()
	if state != report.Failed {
		delete(f, from)
		return
	}
	if since.Before(period.To) {
		since = period.To
	}
	if until := since.Add(failedFor); until.After(f[from]) {
		f[from] = until
	}
}

// count counts those that are still shown.
func (f failedReports) count(now time.Time) int {
	for from, until := range f {
		if !now.Before(until) {
			delete(f, from)
		}
	}
	return len(f)
}
