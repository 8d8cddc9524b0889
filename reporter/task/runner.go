package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Config is what a Runner works with.
type Config struct {
	Now    func() time.Time
	Tick   time.Duration  // between two looks for tasks that are due, and the first pause
	Limit  int            // of units at one time, at least 1
	Jitter func() float64 // 0 to 1, at random if nil
	Log    *slog.Logger
}

// Runner begins tasks when they are due. Many goroutines may use it at once.
type Runner struct {
	cfg     Config
	backoff Backoff

	mu      sync.Mutex
	entries []*entry
	turns   []*turn   // that wait, oldest first
	looked  time.Time // when it last looked for tasks that are due
	moved   time.Time // when a unit last began
	awake   chan struct{}
	running sync.WaitGroup
}

// entry is a task with its state.
type entry struct {
	task    Task
	state   State
	planned time.Time // when Next was set, by the wall clock
	woken   bool      // while it runs
	own     bool      // Next is a time that the task has found by itself
}

// New returns a runner whose tasks are all due, in their order.
func New(c Config, tasks ...Task) *Runner {
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	now := c.Now()
	r := &Runner{cfg: c, backoff: Backoff{c.Tick, c.Jitter}, awake: make(chan struct{}, 1), looked: now, moved: now}
	for _, t := range tasks {
		e := &entry{task: t, state: State{ID: t.ID()}}
		e.plan(now, now)
		r.entries = append(r.entries, e)
	}
	return r
}

// Backoff is the pause after a failure, for tasks that keep count of what fails
// inside them.
func (r *Runner) Backoff() Backoff { return r.backoff }

// Run begins tasks until ctx ends and waits until those that run have ended.
func (r *Runner) Run(ctx context.Context) {
	ticker := time.NewTicker(r.cfg.Tick)
	defer ticker.Stop()
	defer r.running.Wait()
	for ctx.Err() == nil {
		for _, e := range r.due() {
			r.running.Go(func() { r.work(ctx, e) })
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-r.awake:
		}
	}
}

// due begins the tasks that are due and returns them.
func (r *Runner) due() []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = r.cfg.Now()
	var due []*entry
	for _, e := range r.entries {
		if e.isDue(r.looked) {
			e.begin(r.looked)
			due = append(due, e)
		}
	}
	r.serveTurns()
	return due
}

// RunDue runs the tasks that are due one after another, in their order.
func (r *Runner) RunDue(ctx context.Context) {
	for _, e := range r.entries {
		r.mu.Lock()
		r.looked = r.cfg.Now()
		due := e.isDue(r.looked)
		if due {
			e.begin(r.looked)
		}
		r.mu.Unlock()
		if due {
			r.work(ctx, e)
		}
	}
}

// isDue tells whether a task is to begin. One whose next time was planned later
// than now was planned before the clock was set back.
func (e *entry) isDue(now time.Time) bool {
	if e.state.Running || e.state.Next.IsZero() {
		return false
	}
	return !now.Before(e.state.Next) || now.Round(0).Before(e.planned)
}

func (e *entry) plan(next, now time.Time) { e.state.Next, e.planned = next, now.Round(0) }

func (e *entry) begin(now time.Time) {
	e.state.Running, e.state.LastBegin, e.woken = true, now, false
	e.state.Begun++
}

// work runs a task once and notes what came of it.
func (r *Runner) work(ctx context.Context, e *entry) {
	next, err := r.guarded(ctx, e)
	defer r.wakeUp()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	e.state.Running, e.own = false, !next.IsZero()
	if err != nil && ctx.Err() != nil {
		return // it was interrupted
	}
	if !next.IsZero() && !next.After(now) { // a task must not keep a core busy
		next = now.Add(r.cfg.Tick)
	}
	switch still := (*StillError)(nil); {
	case err == nil:
		e.succeeded(next, now)
	case errors.As(err, &still) && e.state.Failing() && !next.IsZero():
		e.plan(next, now)
	default:
		r.failed(e, next, now, err)
	}
	if e.woken {
		e.wake(now)
	}
}

func (e *entry) succeeded(next, now time.Time) {
	e.state.LastSuccess, e.state.LastError, e.state.Attempts, e.state.Backoff = now, "", 0, 0
	e.plan(next, now)
}

func (r *Runner) failed(e *entry, next, now time.Time, err error) {
	s := &e.state
	s.LastFailure, s.LastError = now, err.Error()
	s.Attempts++
	s.Failures++
	if next.IsZero() {
		next = now.Add(r.backoff.After(s.Attempts, err))
	}
	s.Backoff = next.Sub(now)
	e.plan(next, now)
	r.cfg.Log.Error("A task failed; it will be tried again", "task", s.Kind, "name", s.Name,
		"attempt", s.Attempts, "next", next.UTC().Format(time.RFC3339), "err", err)
}

// guarded turns a panic into an error, because one fault stops one task.
func (r *Runner) guarded(ctx context.Context, e *entry) (next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Log.Error("A task panicked; please report this", "task", e.task.Kind, "name", e.task.Name, "panic", p, "stack", string(debug.Stack()))
			next, err = time.Time{}, fmt.Errorf("panic: %v", p)
		}
	}()
	return e.task.Work(ctx, &Run{r, e})
}

// Wake has tasks begin as soon as may be; one that runs, once more after that. A
// task that failed keeps its pause.
func (r *Runner) Wake(ids ...ID) {
	r.mu.Lock()
	now := r.cfg.Now()
	for _, e := range r.entries {
		if slices.Contains(ids, e.state.ID) {
			e.wake(now)
		}
	}
	r.mu.Unlock()
	r.wakeUp()
}

func (e *entry) wake(now time.Time) {
	switch {
	case e.state.Running:
		e.woken = true
	case e.state.Attempts > 0 && !e.own:
	case e.state.Next.IsZero() || e.state.Next.After(now):
		e.plan(now, now)
	}
}

// wakeUp has Run look for tasks that are due.
func (r *Runner) wakeUp() {
	select {
	case r.awake <- struct{}{}:
	default:
	}
}

// States are those of all tasks, in their order.
func (r *Runner) States() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, now := make([]State, len(r.entries)), r.cfg.Now()
	for i, e := range r.entries {
		all[i] = e.state
		all[i].Due, all[i].Hangs = e.isDue(now), e.hangs(now)
	}
	return all
}

// Looked is when the runner last looked for tasks that are due.
func (r *Runner) Looked() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looked
}
