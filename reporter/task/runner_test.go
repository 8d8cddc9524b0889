package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/task"
)

func minutes(all ...float64) (d []time.Duration) {
	for _, m := range all {
		d = append(d, time.Duration(m*float64(time.Minute)))
	}
	return d
}

func TestATaskBeginsAtItsTimeWhateverOthersDo(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]func(context.Context, *task.Run) (time.Time, error){
		"another fails":  func(context.Context, *task.Run) (time.Time, error) { return time.Time{}, errAway },
		"another panics": func(context.Context, *task.Run) (time.Time, error) { panic("a bug") },
		"another hangs until its deadline": func(ctx context.Context, run *task.Run) (time.Time, error) {
			return time.Time{}, unit(ctx, run, 24*time.Hour)
		},
		"another catches up": func(ctx context.Context, run *task.Run) (time.Time, error) {
			for range 1000 {
				if err := unit(ctx, run, time.Second); err != nil {
					return time.Time{}, err
				}
			}
			return time.Time{}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var began runs
				healthy := every("healthy", 10*time.Minute, &began)
				r := runner(2, task.Task{Kind: "bad", Deadline: time.Hour, Work: work}, healthy)
				within(t, 35*time.Minute, r, func() {
					if diff := cmp.Diff(minutes(0, 10, 20, 30), began.all()); diff != "" {
						t.Errorf("began (-want +got)\n%s", diff)
					}
					if err := r.Health(); err != nil {
						t.Errorf("a task that fails is no reason to be restarted: %v", err)
					}
				})
			})
		})
	}
}

func TestAFailingTaskIsTriedAgainAfterPausesThatDouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var began runs
		began.start = time.Now()
		r := runner(1, task.Task{Kind: "close", Name: "eu-1", Deadline: time.Hour, Work: func(context.Context, *task.Run) (time.Time, error) {
			if began.note() == 9 {
				return time.Now().Add(time.Hour), nil
			}
			return time.Time{}, errAway
		}})
		within(t, 90*time.Minute, r, func() {
			s := r.States()[0]
			if s.Attempts != 8 || s.LastError != errAway.Error() || s.Failures != 8 || !s.LastSuccess.IsZero() || !s.Failing() || s.Backoff != 30*time.Minute {
				t.Errorf("after eight failures the state is %+v", s)
			}
		})
		// 30 s, 1, 2, 4, 8, 16 minutes, and then 30 for ever.
		if diff := cmp.Diff(minutes(0, .5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5), began.all()); diff != "" {
			t.Errorf("began (-want +got)\n%s", diff)
		}
		within(t, 10*time.Minute, r, func() {
			s := r.States()[0]
			if s.Attempts != 0 || s.Backoff != 0 || s.LastError != "" || s.Failures != 8 || s.LastSuccess.IsZero() || s.Failing() {
				t.Errorf("after a success the state is %+v", s)
			}
		})
	})
}

func TestATaskTakesItsTurnForEachUnit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 2
		var now, most atomic.Int64
		catchUp := func(ctx context.Context, run *task.Run) (time.Time, error) {
			for range 20 {
				err := run.Unit(ctx, "an hour", func(context.Context) error {
					most.Store(max(most.Load(), now.Add(1)))
					<-time.After(time.Minute)
					now.Add(-1)
					return nil
				})
				if err != nil {
					return time.Time{}, err
				}
			}
			return time.Time{}, nil
		}
		var tasks []task.Task
		for i := range 5 {
			tasks = append(tasks, task.Task{Kind: "close", Name: fmt.Sprint(i), Deadline: 5 * time.Minute, Work: catchUp})
		}
		var began runs
		began.start = time.Now()
		tasks = append(tasks, task.Task{Kind: "schedule", Deadline: time.Hour, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
			return time.Time{}, run.Unit(ctx, "a period", func(context.Context) error { began.note(); return nil })
		}})
		within(t, time.Hour, runner(limit, tasks...), func() {
			if most.Load() != limit {
				t.Errorf("%d units at one time, want %d", most.Load(), limit)
			}
			if at := began.all(); len(at) != 1 || at[0] > 3*time.Minute {
				t.Errorf("with five tasks that catch up 20 minutes each, another begins at %v", at)
			}
		})
	})
}

func TestUnitsThatHangDoNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tasks []task.Task
		for i := range 4 {
			tasks = append(tasks, task.Task{Kind: "hangs", Name: fmt.Sprint(i), Deadline: time.Hour, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
				return time.Time{}, unit(ctx, run, 24*time.Hour)
			}})
		}
		var done runs
		done.start = time.Now()
		tasks = append(tasks, task.Task{Kind: "healthy", Deadline: time.Hour, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
			return time.Now().Add(10 * time.Minute), run.Unit(ctx, "a unit", func(context.Context) error { done.note(); return nil })
		}})
		r := runner(2, tasks...)
		within(t, 40*time.Minute, r, func() {
			if at := done.all(); len(at) < 3 || at[0] > 5*time.Minute || at[2] > at[0]+25*time.Minute {
				t.Errorf("the healthy task had its turn at %v", at)
			}
			if err := r.Health(); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestTheDeadlineIsForAUnitAndNotForACatchUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hours atomic.Int64
		r := runner(2,
			task.Task{Kind: "close", Name: "behind", Deadline: 10 * time.Minute, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
				for range 100 {
					if err := unit(ctx, run, 9*time.Minute); err != nil {
						return time.Time{}, err
					}
					hours.Add(1)
				}
				return time.Time{}, nil
			}},
			task.Task{Kind: "close", Name: "stuck", Deadline: 10 * time.Minute, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
				err := unit(ctx, run, 11*time.Minute)
				late := (*task.DeadlineError)(nil)
				if !errors.As(err, &late) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a unit that outlives its deadline gives %v", err)
				}
				return time.Now().Add(48 * time.Hour), err
			}})
		within(t, 24*time.Hour, r, func() {
			if hours.Load() != 100 {
				t.Errorf("%d of 100 hours", hours.Load())
			}
			if s := r.States()[1]; s.Failures != 1 || !strings.Contains(s.LastError, "close stuck: a unit took longer than 10m0s") {
				t.Errorf("the state of the task that is stuck is %+v", s)
			}
		})
	})
}

func TestWake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asleep, failing, retried, running runs
		id := func(name string) task.ID { return task.ID{Kind: "wakes", Name: name} }
		of := func(name string, began *runs, work func() (time.Time, error)) task.Task {
			began.start = time.Now()
			return task.Task{Kind: "wakes", Name: name, Deadline: time.Hour, Work: func(context.Context, *task.Run) (time.Time, error) {
				began.note()
				return work()
			}}
		}
		r := runner(4,
			of("asleep", &asleep, func() (time.Time, error) { return time.Time{}, nil }),
			of("failing", &failing, func() (time.Time, error) { return time.Time{}, &askedError{20 * time.Minute} }),
			of("a part of it fails", &retried, func() (time.Time, error) { return time.Now().Add(20 * time.Minute), errAway }),
			of("running", &running, func() (time.Time, error) { <-time.After(6 * time.Minute); return time.Time{}, nil }),
		)
		within(t, 5*time.Minute, r, func() {
			r.Wake(id("asleep"), id("failing"), id("a part of it fails"), id("running"))
			<-time.After(25 * time.Minute)
		})
		for name, of := range map[string]struct {
			began *runs
			want  []time.Duration
		}{
			"one that waits for it begins at once":                    {&asleep, minutes(0, 5)},
			"one that failed keeps the pause that a server asked for": {&failing, minutes(0, 20)},
			"one that goes on beside what failed begins at once":      {&retried, minutes(0, 5, 25)},
			"one that runs begins once more":                          {&running, minutes(0, 6)},
		} {
			if diff := cmp.Diff(of.want, of.began.all()); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

// A part of a task waits for its next try while the task is woken.
func TestAFailureThatStillStandsCountsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := true
		r := runner(1, task.Task{Kind: "schedule", Deadline: time.Hour, Work: func(context.Context, *task.Run) (time.Time, error) {
			if first {
				first = false
				return time.Now().Add(time.Hour), errAway
			}
			return time.Now().Add(10 * time.Minute), &task.StillError{Err: errAway}
		}})
		within(t, 5*time.Minute, r, func() {
			r.Wake(task.ID{Kind: "schedule"})
			<-time.After(29 * time.Minute)
			s := r.States()[0]
			if s.Begun != 4 || s.Failures != 1 || s.Attempts != 1 || s.LastError != errAway.Error() || !s.LastSuccess.IsZero() {
				t.Errorf("it began %d times and failed %d times: %q", s.Begun, s.Failures, s.LastError)
			}
		})
	})
}

func TestAClockThatIsSetBackStopsNoTask(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var began int
	r := task.New(task.Config{Now: func() time.Time { return now }, Tick: tick, Limit: 1}, task.Task{
		Kind: "close", Deadline: time.Hour, Work: func(context.Context, *task.Run) (time.Time, error) {
			began++
			return now.Add(time.Hour), nil
		},
	})
	for _, step := range []struct {
		by    time.Duration
		begun int
	}{{0, 1}, {time.Minute, 1}, {-24 * time.Hour, 2}, {time.Minute, 2}, {time.Hour, 3}, {48 * time.Hour, 4}} {
		now = now.Add(step.by)
		r.RunDue(t.Context())
		if began != step.begun {
			t.Errorf("after a step of %s it began %d times, want %d", step.by, began, step.begun)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		work := func(ctx context.Context, run *task.Run) (time.Time, error) {
			return time.Time{}, unit(ctx, run, time.Hour)
		}
		r := runner(1, task.Task{Kind: "runs", Deadline: time.Hour, Work: work}, task.Task{Kind: "waits", Deadline: time.Hour, Work: work})
		began := time.Now()
		within(t, time.Minute, r, func() {
			if s := r.States(); !slices.ContainsFunc(s, func(s task.State) bool { return s.Unit == "a unit" && s.Running }) {
				t.Errorf("one of them works: %+v", s)
			}
		})
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it ended after %s", took)
		}
		for _, s := range r.States() {
			if s.Failures != 0 || s.Running || s.Unit != "" {
				t.Errorf("what was interrupted did not fail: %+v", s)
			}
		}
	})
}
