package task

import (
	"context"
	"time"
)

// Task is work that comes again and again. The Runner never begins it while it
// runs.
type Task struct {
	// Kind and Name together name the task: "close" and the cluster's name.
	Kind, Name string
	// Deadline is for one unit of work.
	Deadline time.Duration
	// Work does what is due and returns when to begin next; the zero time leaves it
	// to Wake. With an error, the zero time stands for the Runner's pause; any other
	// time is a pause that the task has found by itself, and Wake may end it. It
	// ends soon once ctx ends.
	Work func(ctx context.Context, run *Run) (next time.Time, err error)
}

// StillError says that a part of the task that failed before waits for its next try,
// and that nothing failed in this run. It does not count as another failure.
type StillError struct{ Err error }

func (e *StillError) Error() string { return e.Err.Error() }

// Unwrap gives the failure of before.
func (e *StillError) Unwrap() error { return e.Err }

// ID is the name of the task among all.
func (t Task) ID() ID { return ID{t.Kind, t.Name} }

// ID names a task.
type ID struct{ Kind, Name string }

func (id ID) String() string {
	if id.Name == "" {
		return id.Kind
	}
	return id.Kind + " " + id.Name
}

// State is what is known of a task. Times are zero as long as there is none.
type State struct {
	ID
	Running bool
	Unit    string    // what the task works on, "" while it waits for its turn or is between two units
	Since   time.Time // when it began that; zero if there is none
	Next    time.Time // when it begins next; zero while it waits for Wake
	Due     bool      // its time has come, and it has not begun yet
	Hangs   bool      // what it works on did not end at its deadline

	LastBegin, LastSuccess, LastFailure time.Time
	LastError                           string        // of the latest run, "" if that succeeded
	Attempts                            int           // failures since the last success
	Backoff                             time.Duration // pause after the latest run, 0 if that succeeded
	Begun, Failures                     int64
}

// Failing tells whether the latest run failed.
func (s State) Failing() bool { return s.LastError != "" }
