package meter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// scene is what the driver and the kubelet say.
type scene struct {
	gpus []device.GPU
	held []string // device ids
	err  error    // of the driver

	restart string
}

func (s *scene) Inventory(context.Context) (device.Inventory, error) {
	return device.Inventory{GPUs: s.gpus, Restart: s.restart}, s.err
}

func (s *scene) Holders(context.Context) (device.Holders, error) {
	holder := device.Holder{Namespace: "team", Pod: "p", PodUID: "uid-p", Container: "main"}
	return device.Holders{Allocations: []device.Allocation{{Holder: holder, Resource: "nvidia.com/gpu", Devices: s.held}}}, nil
}

// The log says once that something is amiss, and says it again when it comes back
// after having been gone.
func TestALoopLogsChangesOnly(t *testing.T) {
	t.Parallel()
	gpu := func(r device.Reading) []device.GPU { return []device.GPU{{UUID: "GPU-a", Reading: r}} }
	up := func(is bool) []device.GPU { return gpu(device.Reading{Up: is, Reason: "lost"}) }
	reset := gpu(device.Reading{Reason: "reset required"})
	var log bytes.Buffer
	var now scene
	loop, err := meter.NewLoop(meter.LoopConfig{
		Source: &now, Registry: &now, Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		scene
		want string // in the only line, "" for none
	}{
		{"all is well", scene{gpus: up(true), held: []string{"GPU-a"}}, ""},
		{"a device that no GPU answers to", scene{gpus: up(true), held: []string{"GPU-a", "GPU-x"}}, "device=GPU-x"},
		{"it is there still", scene{gpus: up(true), held: []string{"GPU-a", "GPU-x"}}, ""},
		{"another one, too", scene{gpus: up(true), held: []string{"GPU-x", "GPU-y"}}, "device=GPU-y"},
		{"both are gone", scene{gpus: up(true), held: nil}, ""},
		{"one is back", scene{gpus: up(true), held: []string{"GPU-x"}}, "device=GPU-x"},
		{"a GPU goes down", scene{gpus: up(false), held: []string{"GPU-x"}}, "reason=lost"},
		{"it stays down", scene{gpus: up(false), held: []string{"GPU-x"}}, ""},
		{"it is down for another reason", scene{gpus: reset, held: []string{"GPU-x"}}, `reason="reset required"`},
		{"it is so still", scene{gpus: reset, held: []string{"GPU-x"}}, ""},
		{"it is down for the first reason again", scene{gpus: up(false), held: []string{"GPU-x"}}, "reason=lost"},
		{"it is back", scene{gpus: up(true), held: []string{"GPU-x"}}, "answers again"},
		{"it goes down again", scene{gpus: up(false), held: []string{"GPU-x"}}, "reason=lost"},
		{"the driver fails", scene{err: errors.New("one")}, "err=one"},
		{"it fails still", scene{err: errors.New("one")}, ""},
		{"it fails for another reason", scene{err: errors.New("two")}, "err=two"},
		{"it fails for the first reason again", scene{err: errors.New("one")}, "err=one"},
		{"it answers, and the GPU is still down", scene{gpus: up(false), held: []string{"GPU-x"}}, "Source answers"},
		{"it is taken out, and is nobody's any more", scene{}, ""},
		{"it is put in again, in order", scene{gpus: up(true), held: nil}, ""},
	} {
		log.Reset()
		now = step.scene
		if err := loop.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if step.name == "all is well" {
			continue // both sources answer for the first time
		}
		if len(lines) != 1 || step.want == "" && lines[0] != "" || !strings.Contains(lines[0], step.want) {
			t.Errorf("%s: the log says\n%swant %q", step.name, log.String(), step.want)
		}
	}
}

// A reason that is another one at each poll does not fill the log.
func TestALoopLogsFewReasonsOfOneFailure(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var now scene
	clock := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	loop, err := meter.NewLoop(meter.LoopConfig{
		Source: &now, Now: func() time.Time { return clock }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	const polls = 3600
	for i := range polls {
		now.err = fmt.Errorf("reason %d", i)
		if err := loop.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Second)
	}
	if n := strings.Count(log.String(), "does not answer"); n != 6*20 {
		t.Errorf("an hour of reasons makes %d lines, want 20 in ten minutes", n)
	}
}
