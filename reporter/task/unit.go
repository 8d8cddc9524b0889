package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// lendAfter is how long a unit counts against the limit.
	lendAfter = 2 * time.Minute
	// grace is how long a unit may go on after its deadline, for its requests to end.
	grace = time.Minute
)

// DeadlineError says that a unit of work took longer than it may.
type DeadlineError struct {
	Task  ID
	Unit  string
	After time.Duration
	Err   error // what the unit ended with
}

func (e *DeadlineError) Error() string {
	return fmt.Sprintf("%s: %s took longer than %s and was given up: %v", e.Task, e.Unit, e.After, e.Err)
}

// Unwrap gives what the unit ended with.
func (e *DeadlineError) Unwrap() error { return e.Err }

// Run is one run of a task.
type Run struct {
	runner *Runner
	entry  *entry
}

// Unit waits for the task's turn and does one unit of work, which ends at the
// task's deadline. Errors: those of do, in a *DeadlineError if the deadline came
// first, and the context's.
func (r *Run) Unit(ctx context.Context, name string, do func(ctx context.Context) error) error {
	if err := r.runner.enter(ctx, r.entry, name); err != nil {
		return err
	}
	defer r.runner.leave(r.entry)
	late := errors.New("deadline of the unit")
	limited, cancel := context.WithTimeoutCause(ctx, r.entry.task.Deadline, late)
	defer cancel()
	err := do(limited)
	if err != nil && errors.Is(context.Cause(limited), late) {
		return &DeadlineError{r.entry.task.ID(), name, r.entry.task.Deadline, err}
	}
	return err
}

// turn is a unit that waits for its turn.
type turn struct {
	entry *entry
	unit  string
	came  chan struct{} // closed when it has come
}

// enter waits until fewer than the limit of units are worked on.
func (r *Runner) enter(ctx context.Context, e *entry, unit string) error {
	t := &turn{e, unit, make(chan struct{})}
	r.mu.Lock()
	r.turns = append(r.turns, t)
	r.serveTurns()
	r.mu.Unlock()
	select {
	case <-t.came:
		return nil
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.turns, t); i >= 0 {
		r.turns = slices.Delete(r.turns, i, i+1)
	} else { // it came at the same time
		e.state.Unit, e.state.Since = "", time.Time{}
		r.serveTurns()
	}
	return ctx.Err()
}

func (r *Runner) leave(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.state.Unit, e.state.Since = "", time.Time{}
	r.serveTurns()
}

// serveTurns lets units begin, in the order in which they came.
func (r *Runner) serveTurns() {
	now, busy := r.cfg.Now(), 0
	for _, e := range r.entries {
		if !e.state.Since.IsZero() && now.Sub(e.state.Since) < lendAfter {
			busy++
		}
	}
	for ; len(r.turns) > 0 && busy < r.cfg.Limit; busy++ {
		t := r.turns[0]
		r.turns = r.turns[1:]
		t.entry.state.Unit, t.entry.state.Since = t.unit, now
		r.moved = now
		close(t.came)
	}
}
