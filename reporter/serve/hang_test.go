package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/serve"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// stalling is a bucket that does not answer some puts until they are cancelled.
type stalling struct {
	bucket.Bucket
	prefix string
}

func (b *stalling) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if b.prefix != "" && strings.HasPrefix(key, b.prefix) {
		<-ctx.Done()
		return bucket.Object{}, &bucket.OpError{Op: "put", Err: ctx.Err()}
	}
	return b.Bucket.Put(ctx, key, body, size, cond)
}

// works runs a process of the world until its end, and what looks at it at times.
func (w *world) works(t *testing.T, b bucket.Bucket, look map[time.Duration]func(*serve.Server)) {
	t.Helper()
	<-time.After(time.Until(w.begin))
	s := w.process(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Work(ctx) }()
	for time.Now().Before(w.end) {
		<-time.After(time.Minute)
		synctest.Wait()
		if of := look[time.Since(w.begin)]; of != nil {
			of(s)
		}
	}
	cancel()
	<-done
}

func health(s *serve.Server) (code int, text string) {
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/healthz", nil))
	return answer.Code, answer.Body.String()
}

func stateOf(s *serve.Server, kind, name string) task.State {
	for _, of := range s.Tasks() {
		if of.ID == (task.ID{Kind: kind, Name: name}) {
			return of
		}
	}
	return task.State{}
}

// told is a state in words.
func told(s task.State) string {
	return fmt.Sprintf("%s: at %q, %d failures, %d attempts, backoff %s, error %q", s.ID, s.Unit, s.Failures, s.Attempts, s.Backoff, s.LastError)
}

func has(t *testing.T, b bucket.Bucket, cluster, hour string) bool {
	t.Helper()
	_, err := b.Stat(t.Context(), ledger.Key(cluster, window.Hour(instant(hour))))
	return err == nil
}

func smallWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		begin: instant("2026-10-23T00:00:00Z"), end: instant("2026-10-23T06:20:00Z"),
		clusters: []string{"eu-1", "eu-2"}, plans: plans(t, 2, "day"), samples: 36 * time.Hour,
	}
}

// A server takes the request of one hour and never answers. The hour is given up
// after its deadline, three times, and is then set aside.
//
//nolint:paralleltest // see bubble
func TestAnHourThatHangsIsGivenUp(t *testing.T) {
	w := smallWorld(t)
	w.hangs = func(ctx context.Context, cluster string, hour window.Window) {
		if cluster == "eu-1" && hour.From.Equal(instant("2026-10-23T01:00:00Z")) {
			<-ctx.Done()
		}
	}
	b := mem.New(time.Now)
	bubble(t, func(t *testing.T) {
		w.works(t, b, map[time.Duration]func(*serve.Server){
			2*time.Hour + 45*time.Minute: func(s *serve.Server) {
				of := stateOf(s, "close", "eu-1")
				if of.Failures != 1 || of.Attempts != 1 || !strings.Contains(of.LastError, "close eu-1: hour 2026-10-23T01Z took longer than 30m0s") {
					t.Errorf("after the first time its state is %s", told(of))
				}
				if code, text := health(s); code != http.StatusOK {
					t.Errorf("a task that ends at its deadline does not hang: %s", text)
				}
			},
		})
		for _, hour := range []string{"2026-10-23T00:00:00Z", "2026-10-23T02:00:00Z", "2026-10-23T04:00:00Z"} {
			if !has(t, b, "eu-1", hour) {
				t.Errorf("%s is not closed", hour)
			}
		}
		if has(t, b, "eu-1", "2026-10-23T01:00:00Z") || !has(t, b, "eu-2", "2026-10-23T05:00:00Z") {
			t.Error("the hour that hangs is closed, or the other cluster is not")
		}
	})
}

// A request does not even end when it is cancelled. Others go on, and the probe says
// which task it is, until it ends.
//
//nolint:paralleltest // see bubble
func TestATaskThatHangsFailsTheProbe(t *testing.T) {
	w := smallWorld(t)
	b := mem.New(time.Now)
	bubble(t, func(t *testing.T) {
		end := make(chan struct{})
		w.hangs = func(_ context.Context, cluster string, hour window.Window) {
			if cluster == "eu-1" && !hour.From.Before(w.begin) {
				<-end
			}
		}
		w.works(t, b, map[time.Duration]func(*serve.Server){
			time.Hour + 35*time.Minute: func(s *serve.Server) {
				if code, text := health(s); code != http.StatusOK {
					t.Errorf("before its deadline: %s", text)
				}
			},
			3 * time.Hour: func(s *serve.Server) {
				code, text := health(s)
				if code != http.StatusServiceUnavailable || !strings.Contains(text, "task close eu-1 hangs: hour 2026-10-23T00Z since ") {
					t.Errorf("after it: %d %s", code, text)
				}
				if !has(t, b, "eu-2", "2026-10-23T01:00:00Z") {
					t.Error("the other cluster does not go on")
				}
				close(end)
			},
			4 * time.Hour: func(s *serve.Server) {
				if code, text := health(s); code != http.StatusOK {
					t.Errorf("once it has ended: %s", text)
				}
			},
		})
		if !has(t, b, "eu-1", "2026-10-23T05:00:00Z") {
			t.Error("it does not catch up")
		}
	})
}

// A bucket takes the report of one schedule and never answers.
//
//nolint:paralleltest // see bubble
func TestAPeriodThatHangsIsGivenUpAndTriedAgain(t *testing.T) {
	w := smallWorld(t)
	w.end = instant("2026-10-24T12:00:00Z")
	b := &stalling{mem.New(time.Now), "reports/schedule-0/"}
	bubble(t, func(t *testing.T) {
		w.works(t, b, map[time.Duration]func(*serve.Server){
			// Its time is 04:00, and that of the other one 05:07 in Berlin, of a day that begins before there is data.
			24*time.Hour + 5*time.Hour + 50*time.Minute: func(s *serve.Server) {
				if of := stateOf(s, "schedule", "schedule-0"); of.Unit != "period 2026-10-23" || of.Failures != 0 {
					t.Errorf("before its deadline its state is %s", told(of))
				}
			},
			24*time.Hour + 6*time.Hour + time.Minute: func(s *serve.Server) {
				of := stateOf(s, "schedule", "schedule-0")
				if of.Failures != 1 || of.Attempts != 1 || of.Backoff <= 0 || !strings.Contains(of.LastError, "period 2026-10-23 took longer than 2h0m0s") {
					t.Errorf("after it its state is %s", told(of))
				}
				if code, text := health(s); code != http.StatusOK {
					t.Error(text)
				}
				for _, name := range []string{"eu-1", "eu-2"} {
					if of := stateOf(s, "close", name); time.Since(of.LastSuccess) > time.Hour {
						t.Errorf("the state of another task is %s", told(of))
					}
				}
				b.prefix = ""
			},
			24*time.Hour + 8*time.Hour + 10*time.Minute: func(s *serve.Server) {
				if of := stateOf(s, "schedule", "schedule-0"); of.Failing() {
					t.Errorf("when the bucket answers its state is %s", told(of))
				}
			},
		})
	})
}
