package task_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/task"
)

const tick = 30 * time.Second

var errAway = errors.New("the server is away")

// runs notes when a task began, in time since the test began.
type runs struct {
	mu    sync.Mutex
	start time.Time
	at    []time.Duration
}

func (r *runs) note() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = append(r.at, time.Since(r.start))
	return len(r.at)
}

func (r *runs) all() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Duration(nil), r.at...)
}

func runner(limit int, tasks ...task.Task) *task.Runner {
	return task.New(task.Config{
		Now: time.Now, Tick: tick, Limit: limit, Jitter: func() float64 { return 0 },
		Log: slog.New(slog.DiscardHandler),
	}, tasks...)
}

// within runs the tasks for a while of a bubble's time, and then what looks at
// them.
func within(t *testing.T, d time.Duration, r *task.Runner, then func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	<-time.After(d)
	synctest.Wait()
	then()
	cancel()
	<-done
}

// unit does one unit of work that takes a while, unless it is cancelled.
func unit(ctx context.Context, run *task.Run, takes time.Duration) error {
	return run.Unit(ctx, "a unit", func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(takes):
			return nil
		}
	})
}

// every is a task that succeeds at once and is due again after a while.
func every(name string, pause time.Duration, began *runs) task.Task {
	began.start = time.Now()
	return task.Task{Kind: "every", Name: name, Deadline: time.Hour, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
		began.note()
		return time.Now().Add(pause), run.Unit(ctx, "nothing", func(context.Context) error { return nil })
	}}
}
