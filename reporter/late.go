package reporter

import (
	"context"
	"maps"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// lateReach is how long after its end an hour may be read again on the chance
// that samples arrived late.
const lateReach = 48 * time.Hour

// lateAfter is when an hour of which samples lacked is read again: so long
// after it was first closed. A remote write that was held up has come by the
// first, a block that was shipped to an object store by the second.
func lateAfter() []time.Duration { return []time.Duration{time.Hour, 24 * time.Hour} }

// readAgain reads one closed hour with gaps again, the oldest that is due, and
// restates it if there are more samples now. One in a round is gentle to the
// server after a day of gaps.
func (k *keeper) readAgain(ctx context.Context) error {
	hour, turn, err := k.lateDue(ctx)
	if err != nil || turn == 0 {
		return err
	}
	done, err := k.restate(ctx, []window.Window{hour}, onlyMore, func(window.Window) {})
	if err != nil {
		return err
	}
	k.late[hour.From] = turn
	if changed := append(done.changed, done.beside...); len(changed) > 0 {
		k.tell.restated(changed)
		k.log.Info("Restated hours, since samples arrived late", "cluster", k.name, "hour", hour, "changed", len(changed))
	}
	return nil
}

// lateDue is the oldest hour with gaps that is to be read again and which turn
// it is, 0 if there is none. Of turns that were missed only the last is made up.
func (k *keeper) lateDue(ctx context.Context) (hour window.Window, turn int, err error) {
	now := k.now()
	maps.DeleteFunc(k.late, func(from time.Time, _ int) bool { return now.Sub(from) > 2*lateReach })
	hours, err := k.index.Hours(ctx, k.name, window.Window{From: now.UTC().Add(-lateReach), To: now.UTC()})
	if err != nil {
		return hour, 0, err
	}
	for _, h := range hours {
		if h.Coverage.Uncovered == 0 {
			continue
		}
		for i, wait := range lateAfter() {
			if age := now.Sub(h.To) - k.settle; age >= wait {
				turn = i + 1
			}
		}
		if turn > k.late[h.From] {
			return h.Window(), turn, nil
		}
		turn = 0
	}
	return hour, 0, nil
}
