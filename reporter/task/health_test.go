package task_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/task"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	for name, test := range map[string]struct {
		work func(ctx context.Context, run *task.Run, end <-chan struct{}) error
		want string // "" if it is well
	}{
		"a task that fails": {func(context.Context, *task.Run, <-chan struct{}) error { return errAway }, ""},
		"a task that ends at its deadline": {func(ctx context.Context, run *task.Run, _ <-chan struct{}) error {
			return unit(ctx, run, 100*hour)
		}, ""},
		"a task that hangs beyond its deadline": {func(ctx context.Context, run *task.Run, end <-chan struct{}) error {
			return run.Unit(ctx, "hour 5", func(context.Context) error { <-end; return nil })
		}, "task close eu-1 hangs: hour 5 since "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				r := runner(1, task.Task{Kind: "close", Name: "eu-1", Deadline: hour, Work: func(ctx context.Context, run *task.Run) (time.Time, error) {
					return time.Time{}, test.work(ctx, run, end)
				}})
				within(t, 2*hour, r, func() {
					if err := r.Health(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
						t.Errorf("health is %v, want %q", err, test.want)
					}
					if got := r.States()[0].Hangs; got != (test.want != "") {
						t.Errorf("the state says that it hangs: %t", got)
					}
					close(end)
				})
			})
		})
	}
	t.Run("no task begins", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := runner(1, every("never", hour, &runs{}))
			<-time.After(9 * time.Minute)
			if err := r.Health(); err != nil {
				t.Errorf("after 9 minutes: %v", err)
			}
			<-time.After(2 * time.Minute)
			if err := r.Health(); err == nil || !strings.Contains(err.Error(), "no task begins") {
				t.Errorf("after 11 minutes: %v", err)
			}
		})
	})
}
