package ledger

import (
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// restating is the command that restates hours of a cluster, for messages.
func restating(cluster string, w window.Window) string {
	const hour = "2006-01-02T15"
	return fmt.Sprintf("gputally-reporter close --restate --cluster=%s --from=%s --to=%s", cluster, w.From.UTC().Format(hour), w.To.UTC().Format(hour))
}

// compacting is the command that makes the day of an hour again.
func compacting(cluster string, w window.Window) string {
	day := dayOf(w.From)
	return fmt.Sprintf("gputally-reporter ledger compact --cluster=%s --from=%s --to=%s", cluster, day.From.Format(time.DateOnly), day.To.Format(time.DateOnly))
}

// around are the two hours that meet at a time.
func around(at time.Time) window.Window {
	return window.Window{From: at.Add(-time.Hour), To: at.Add(time.Hour)}
}

func doRestate(cluster string, hour window.Window) string {
	return "restate the hour with " + restating(cluster, hour)
}

func doBoth(cluster string, at time.Time) string {
	return "restate both hours in one go with " + restating(cluster, around(at))
}

func doCompact(cluster string, w window.Window) string {
	return "make the day again with " + compacting(cluster, w)
}
