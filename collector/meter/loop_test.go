package meter_test

import (
	"bytes"
	"context"
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
}

func (s *scene) Inventory(context.Context) (device.Inventory, error) {
	return device.Inventory{GPUs: s.gpus}, nil
}

func (s *scene) Holders(context.Context) (device.Holders, error) {
	holder := device.Holder{Namespace: "team", Pod: "p", PodUID: "uid-p", Container: "main"}
	return device.Holders{Allocations: []device.Allocation{{Holder: holder, Resource: "nvidia.com/gpu", Devices: s.held}}}, nil
}

// The log says once that something is amiss, and says it again when it comes back
// after having been gone.
func TestALoopLogsChangesOnly(t *testing.T) {
	t.Parallel()
	up := func(is bool) []device.GPU {
		return []device.GPU{{UUID: "GPU-a", Reading: device.Reading{Up: is, Reason: "lost"}}}
	}
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
		{"all is well", scene{up(true), []string{"GPU-a"}}, ""},
		{"a device that no GPU answers to", scene{up(true), []string{"GPU-a", "GPU-x"}}, "device=GPU-x"},
		{"it is there still", scene{up(true), []string{"GPU-a", "GPU-x"}}, ""},
		{"another one, too", scene{up(true), []string{"GPU-x", "GPU-y"}}, "device=GPU-y"},
		{"both are gone", scene{up(true), nil}, ""},
		{"one is back", scene{up(true), []string{"GPU-x"}}, "device=GPU-x"},
		{"a GPU goes down", scene{up(false), []string{"GPU-x"}}, "reason=lost"},
		{"it stays down", scene{up(false), []string{"GPU-x"}}, ""},
		{"it is back", scene{up(true), []string{"GPU-x"}}, "answers again"},
		{"it goes down again", scene{up(false), []string{"GPU-x"}}, "reason=lost"},
		{"it is taken out, and is nobody's any more", scene{nil, nil}, ""},
		{"it is put in again, in order", scene{up(true), nil}, ""},
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
