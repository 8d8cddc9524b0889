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
type driver struct {
	inv device.Inventory
	err error
}

func (d *driver) Inventory(context.Context) (device.Inventory, error) {
	return d.inv, d.err
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
	loop, err := meter.NewLoop(meter.LoopConfig{Source: &n.driver, Now: n.clock, GiveUp: 5 * time.Minute})
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

func (n *node) probes() (health, ready http.Handler) {
	return collector.Probes(n.loop, 30*time.Second, n.clock)
}

func TestHealthFollowsTheTicks(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	h, _ := n.probes()
	ask(t, h, http.StatusServiceUnavailable, "has not polled yet")
	n.poll(t)
	ask(t, h, http.StatusOK, "ok\nnvml: answers\n")
	n.now = n.now.Add(30 * time.Second)
	ask(t, h, http.StatusOK, "ok")
	n.now = n.now.Add(time.Second)
	ask(t, h, http.StatusServiceUnavailable, "last polled 31s ago")
	n.driver.err = nvml.ErrNoDriver
	n.poll(t) // a driver that is gone is no reason to be killed
	n.now = n.now.Add(7 * time.Second)
	ask(t, h, http.StatusOK, "ok\nnvml: has not answered for 7s: no NVIDIA driver\n")
}

func TestReadinessWaitsForTheFirstPoll(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		says string
	}{
		"a driver that answers": {nil, "ok"},
		"no driver":             {nvml.ErrNoDriver, "nothing is metered yet"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.driver.err = tc.err
			_, h := n.probes()
			ask(t, h, http.StatusServiceUnavailable, "no poll has ended yet")
			n.poll(t)
			ask(t, h, http.StatusOK, tc.says)
		})
	}
}

func TestReadinessEndsWhenNothingIsMetered(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	_, h := n.probes()
	n.poll(t)
	n.driver.err = errors.New("driver error 999")
	n.poll(t)
	ask(t, h, http.StatusOK, "has not answered for 0s: driver error 999")
	n.now = n.now.Add(11 * time.Second)
	ask(t, h, http.StatusServiceUnavailable, "nothing is metered, since driver and kubelet were last known 11s ago\nnvml: has not answered for 11s: driver error 999")
	n.driver.err = nil
	n.poll(t)
	ask(t, h, http.StatusOK, "ok\nnvml: answers")
}

func TestReadinessEndsWhenTheDriverIsReleased(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	health, ready := n.probes()
	n.poll(t)
	n.driver.err = device.ErrReleased
	n.poll(t)
	n.now = n.now.Add(time.Second)
	ask(t, health, http.StatusOK, "ok\nnvml: has been released for 1s, as requested; SIGUSR2")
	ask(t, ready, http.StatusServiceUnavailable, "nothing is metered, since driver and kubelet were last known 1s ago\nnvml: has been released for 1s")
	n.driver.err = nil
	n.poll(t)
	ask(t, ready, http.StatusOK, "ok\nnvml: answers")
}

func TestHealthSaysWhatHolds(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.driver.inv = device.Inventory{Nameless: 2, GPUs: []device.GPU{{UUID: "GPU-a", Reading: device.Reading{Up: true}}, {UUID: "GPU-b", Reading: device.Reading{Reason: "lost"}}}}
	h, _ := n.probes()
	n.poll(t)
	ask(t, h, http.StatusOK, "ok\nnvml: answers\nGPU-b: does not answer: lost\nGPUs that don't say who they are: 2\n")
	n.driver.inv.GPUs[0].Reading = device.Reading{Reason: "driver error 999"}
	n.driver.inv.Restart = "no GPU answers"
	n.poll(t)
	n.now = n.now.Add(time.Minute)
	n.poll(t)
	ask(t, h, http.StatusOK, "nvml: answers, but for 1m0s: no GPU answers; if that lasts, the process ends with code 4 in 4m0s\n")
}

// deaf is a kubelet that does not answer, so that its checkpoint is not asked.
type deaf struct{}

func (deaf) Holders(context.Context) (device.Holders, error) {
	return device.Holders{}, errors.New("no such file")
}

func TestHealthSaysWhatHasNotBeenAsked(t *testing.T) {
	t.Parallel()
	n := &node{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	loop, err := meter.NewLoop(meter.LoopConfig{Source: &n.driver, Registry: deaf{}, Checkpoint: func() error { return nil }, Now: n.clock})
	if err != nil {
		t.Fatal(err)
	}
	n.loop = loop
	h, _ := n.probes()
	n.poll(t)
	ask(t, h, http.StatusOK, "checkpoint: has not been asked yet\n")
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want int
	}{
		"it was asked to end":       {nil, 0},
		"the port is taken":         {errors.New("listen"), 1},
		"a flag can't be read":      {fmt.Errorf("%w: --node", collector.ErrUsage), 2},
		"the driver fails for long": {fmt.Errorf("%w: driver error 999", meter.ErrGaveUp), 4},
		"the driver was replaced":   {fmt.Errorf("read GPUs: %w", nvml.ErrDriverChanged), 3},
	} {
		if got := collector.ExitCode(tc.err); got != tc.want {
			t.Errorf("%s: exit code %d, want %d", name, got, tc.want)
		}
	}
}
