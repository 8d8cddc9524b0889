package task

import (
	"errors"
	"fmt"
	"time"
)

// stall is how long no task may begin although one is due or waits for its turn.
const stall = 10 * time.Minute

// Health returns what is wrong with the runner itself, nil if nothing is: a task
// that hangs beyond the deadline of its unit, or that no task begins. A task that
// fails is no reason.
func (r *Runner) Health() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	var wrong []error
	for _, e := range r.entries {
		if s := e.state; e.hangs(now) {
			wrong = append(wrong, fmt.Errorf("task %s hangs: %s since %s, %s beyond its deadline",
				s.ID, s.Unit, s.Since.UTC().Format(time.RFC3339), (now.Sub(s.Since)-e.task.Deadline).Round(time.Second)))
		}
	}
	patience := max(stall, 3*r.cfg.Tick)
	switch {
	case now.Sub(r.looked) > patience:
		wrong = append(wrong, fmt.Errorf("no task begins: nobody looks for tasks since %s", r.looked.UTC().Format(time.RFC3339)))
	case len(r.turns) > 0 && now.Sub(r.moved) > patience:
		wrong = append(wrong, fmt.Errorf("no task begins: %s waits for its turn since before %s", r.turns[0].entry.state.ID, r.moved.UTC().Format(time.RFC3339)))
	}
	return errors.Join(wrong...)
}

// hangs tells whether the unit that a task works on did not end at its deadline.
func (e *entry) hangs(now time.Time) bool {
	return !e.state.Since.IsZero() && now.Sub(e.state.Since) > e.task.Deadline+grace
}
