package task_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/task"
)

// askedError is of a server that wants to be left alone.
type askedError struct{ after time.Duration }

func (e *askedError) Error() string             { return "HTTP 503" }
func (e *askedError) RetryAfter() time.Duration { return e.after }

func TestBackoff(t *testing.T) {
	t.Parallel()
	asks := func(d time.Duration) error { return fmt.Errorf("close an hour: %w", &askedError{d}) }
	for name, test := range map[string]struct {
		failures int
		jitter   float64
		err      error
		want     time.Duration
	}{
		"the first failure":                       {1, 0, errAway, 30 * time.Second},
		"the third":                               {3, 0, errAway, 2 * time.Minute},
		"half an hour at most":                    {7, 0, errAway, 30 * time.Minute},
		"for ever":                                {1_000_000, 0, errAway, 30 * time.Minute},
		"jitter takes up to a half off":           {3, 1, errAway, time.Minute},
		"the server asks for more":                {1, 0, asks(time.Hour), time.Hour},
		"jitter does not come before that":        {1, 1, asks(time.Hour), time.Hour},
		"one of several servers asks for more":    {1, 0, errors.Join(asks(0), asks(time.Hour)), time.Hour},
		"the server asks for less":                {3, 0, asks(time.Second), 2 * time.Minute},
		"the server asks for longer than a day":   {1, 0, asks(1000 * time.Hour), 24 * time.Hour},
		"the server asks for a time that is over": {1, 0, asks(-time.Hour), 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := task.Backoff{First: 30 * time.Second, Jitter: func() float64 { return test.jitter }}
			if got := b.After(test.failures, test.err); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
