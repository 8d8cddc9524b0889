package closing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// awayFor is a world that can't be read for a while, from an hour on.
type awayFor struct {
	*world
	from  int64 // the hour at whose first reading it goes away
	last  time.Duration
	err   error
	now   time.Time
	until time.Time
	reads int
}

func (a *awayFor) Close(ctx context.Context, hour window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	a.reads++
	if a.until.IsZero() && hour == a.hour(a.from) {
		a.until = a.now.Add(a.last)
	}
	if a.now.Before(a.until) {
		return usage.Hour{}, fmt.Errorf("close %s: %w", hour, a.err)
	}
	return a.world.Close(ctx, hour, n, emit)
}

// patient returns a cluster of that world, and its log. To wait takes no time.
func (a *awayFor) patient(patience time.Duration) (*closing.Cluster, *bytes.Buffer) {
	stage := newStage(func(*world) {})
	a.world, a.now = stage.world, stage.world.hour(hours).From.Add(10*time.Minute)
	log := &bytes.Buffer{}
	return closing.New(closing.Config{
		Name: "eu-1", Source: a, Ledger: ledger.New(stage.bucket, ledger.Config{}), Index: index.New(stage.bucket, index.Config{}),
		Settle: 10 * time.Minute, Patience: patience, Now: func() time.Time { return a.now }, Log: slog.New(slog.NewTextHandler(log, nil)),
		Sleep: func(ctx context.Context, d time.Duration) error { a.now = a.now.Add(d); return ctx.Err() },
	}), log
}

// busyFor is the error of a server that wants to be left alone.
type busyFor time.Duration

func (b busyFor) Error() string             { return "come back in " + time.Duration(b).String() }
func (b busyFor) RetryAfter() time.Duration { return time.Duration(b) }
func (b busyFor) Unwrap() error             { return series.Overloaded }

func TestAnOutageIsSatOut(t *testing.T) {
	t.Parallel()
	errRefused := fmt.Errorf("dial: %w", series.Unreachable)
	for name, tt := range map[string]struct {
		from     int64
		last     time.Duration
		err      error
		patience time.Duration
		closed   int
		took     time.Duration // at least
		reads    int           // at most
	}{
		"a restart of a minute in the middle":      {2, time.Minute, errRefused, 5 * time.Minute, hours, time.Minute, hours + 31},
		"a server that starts and is busy":         {2, time.Minute, series.Overloaded, 5 * time.Minute, hours, time.Minute, hours + 31},
		"a server that wants to be left alone":     {2, time.Minute, busyFor(time.Minute), 5 * time.Minute, hours, time.Minute, hours + 1},
		"one that asks for longer than is waited":  {2, time.Minute, busyFor(time.Hour), 5 * time.Minute, 2, 0, 3},
		"one that stays away":                      {2, 24 * time.Hour, errRefused, 5 * time.Minute, 2, 4 * time.Minute, 3 + 150},
		"one that was never there":                 {0, time.Minute, errRefused, 5 * time.Minute, 0, 0, 1},
		"one that refuses":                         {2, time.Minute, series.Unauthorized, 5 * time.Minute, 2, 0, 3},
		"one that is away while nobody is patient": {2, time.Minute, errRefused, 0, 2, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := &awayFor{from: tt.from, last: tt.last, err: tt.err}
			c, log := source.patient(tt.patience)
			began := source.now
			due, err := c.Due(t.Context(), source.hour(0).From)
			if err != nil || len(due) != hours {
				t.Fatalf("%d hours are due, %v", len(due), err)
			}
			done, err := c.CloseAll(t.Context(), due, 1, func(int, window.Window) {})
			if done.Closed != tt.closed || tt.closed == hours != (err == nil) || err != nil && !errors.Is(err, tt.err) {
				t.Errorf("%d hours closed, want %d: %v", done.Closed, tt.closed, err)
			}
			if took := source.now.Sub(began); took < tt.took || tt.took == 0 && took > 0 || source.reads > tt.reads {
				t.Errorf("it took %s and %d readings, want at least %s and at most %d", took, source.reads, tt.took, tt.reads)
			}
			waited := strings.Count(log.String(), `level=WARN msg="Prometheus is away; waiting for it" cluster=eu-1`)
			back := strings.Count(log.String(), `msg="Prometheus answers again" cluster=eu-1 after=1m`)
			if waits := tt.took > 0; waits != (waited == 1) || (waits && tt.closed == hours) != (back == 1) {
				t.Errorf("it says %d times that it waits, %d that it goes on:\n%s", waited, back, log)
			}
		})
	}
}

func TestARestatementSitsOutAnOutage(t *testing.T) {
	t.Parallel()
	source := &awayFor{from: hours, last: time.Minute, err: series.Unreachable} // not yet
	c, log := source.patient(5 * time.Minute)
	due, err := c.Due(t.Context(), source.hour(0).From)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CloseAll(t.Context(), due, 1, func(int, window.Window) {}); err != nil {
		t.Fatal(err)
	}
	source.from = 3
	run := []window.Window{source.hour(2), source.hour(3), source.hour(4)}
	if done, err := c.Restate(t.Context(), run, nil, func(window.Window) {}); err != nil || len(done.Kept)+len(done.Empty) > 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if !strings.Contains(log.String(), "answers again") {
		t.Errorf("the log is\n%s", log)
	}
}

func TestWaitingForASourceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	source := &awayFor{from: 1, last: 24 * time.Hour, err: series.Unreachable}
	c, _ := source.patient(time.Hour)
	due, err := c.Due(ctx, source.hour(0).From)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.CloseAll(ctx, due, 1, func(n int, _ window.Window) {
		if n == 2 {
			cancel()
		}
	})
	if done.Closed != 1 || err == nil || source.reads > 3 {
		t.Errorf("%d hours closed in %d readings, %v", done.Closed, source.reads, err)
	}
}
