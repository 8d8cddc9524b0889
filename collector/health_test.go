package collector_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector"
	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/nvml"
)

// driver is one that answers with an error, if there is one.
type driver struct{ err error }

func (d *driver) Inventory(context.Context) (device.Inventory, error) {
	return device.Inventory{}, d.err
}

// node is a meter on a clock that the test moves.
type node struct {
	driver driver
	now    time.Time
	loop   *meter.Loop
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	loop, err := meter.NewLoop(meter.LoopConfig{Source: &n.driver, Now: n.clock})
	if err != nil {
		t.Fatal(err)
	}
	n.loop = loop
	return n
}

func (n *node) clock() time.Time { return n.now }

func (n *node) poll(t *testing.T) {
	t.Helper()
	if err := n.loop.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ask expects a status and a word of the answer.
func ask(t *testing.T, h http.Handler, status int, word string) {
	t.Helper()
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/", nil))
	if r.Code != status || !strings.Contains(r.Body.String(), word) {
		t.Errorf("got %d, %q; want %d with %q", r.Code, r.Body, status, word)
	}
}

func TestHealthFollowsTheTicks(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	h := collector.Healthz(n.loop, 30*time.Second, n.clock)
	ask(t, h, http.StatusServiceUnavailable, "has not polled yet")
	n.poll(t)
	ask(t, h, http.StatusOK, "ok")
	n.now = n.now.Add(30 * time.Second)
	ask(t, h, http.StatusOK, "ok")
	n.now = n.now.Add(time.Second)
	ask(t, h, http.StatusServiceUnavailable, "last polled 31s ago")
	n.driver.err = nvml.ErrNoDriver
	n.poll(t) // a driver that is gone is no reason to be killed
	ask(t, h, http.StatusOK, "ok")
}

func TestReadinessWaitsForTheFirstPoll(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a driver that answers": nil,
		"no driver":             nvml.ErrNoDriver,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.driver.err = err
			h := collector.Readyz(n.loop)
			ask(t, h, http.StatusServiceUnavailable, "no poll has ended yet")
			n.poll(t)
			ask(t, h, http.StatusOK, "ok")
			n.now = n.now.Add(time.Hour)
			ask(t, h, http.StatusOK, "ok")
		})
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want int
	}{
		"it was asked to end":     {nil, 0},
		"the port is taken":       {errors.New("listen"), 1},
		"a flag can't be read":    {fmt.Errorf("%w: --node", collector.ErrUsage), 2},
		"the driver was replaced": {fmt.Errorf("read GPUs: %w", nvml.ErrDriverChanged), 3},
	} {
		if got := collector.ExitCode(tc.err); got != tc.want {
			t.Errorf("%s: exit code %d, want %d", name, got, tc.want)
		}
	}
}
