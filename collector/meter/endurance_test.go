package meter_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// The loop gives up on a driver that worked and fails for as long as it may.
func TestALoopGivesUpOnADriverThatWorked(t *testing.T) {
	t.Parallel()
	type poll struct {
		after time.Duration // the poll before
		scene
		restart string
	}
	works := poll{time.Second, scene{gpus: []device.GPU{{UUID: "GPU-a", Reading: device.Reading{Up: true}}}}, ""}
	down := poll{time.Second, scene{gpus: []device.GPU{{UUID: "GPU-a", Reading: device.Reading{Reason: "lost"}}}}, ""}
	none := poll{time.Second, scene{}, ""}
	fails := func(after time.Duration) poll { return poll{after, scene{err: errors.New("999")}, ""} }
	dim := func(after time.Duration) poll { return poll{after, down.scene, "no GPU answers"} }
	for name, tc := range map[string]struct {
		limit time.Duration
		polls []poll
		gives bool // up, at the last poll and no other
	}{
		"it fails for that long":                     {time.Minute, []poll{works, fails(1), fails(59 * time.Second), fails(time.Second)}, true},
		"it fails for less":                          {time.Minute, []poll{works, fails(1), fails(59 * time.Second)}, false},
		"it answered in between":                     {time.Minute, []poll{works, fails(1), fails(40 * time.Second), works, fails(1), fails(40 * time.Second)}, false},
		"it fails in one way, then in another":       {time.Minute, []poll{works, fails(1), dim(40 * time.Second), fails(20 * time.Second)}, true},
		"it answers, but not of its GPUs":            {time.Minute, []poll{works, dim(1), dim(time.Minute)}, true},
		"it never worked":                            {time.Minute, []poll{fails(1), fails(time.Hour)}, false},
		"it never had a GPU":                         {time.Minute, []poll{none, fails(1), fails(time.Hour)}, false},
		"its only GPU was lost from the beginning":   {time.Minute, []poll{down, fails(1), fails(time.Hour)}, false},
		"the process was stopped for longer":         {time.Minute, []poll{works, works, fails(time.Hour), fails(time.Second)}, false},
		"its GPUs are lost, which it says of itself": {time.Minute, []poll{works, down, down}, false},
		"it may fail for ever":                       {0, []poll{works, fails(1), fails(time.Hour)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			var now scene
			loop, err := meter.NewLoop(meter.LoopConfig{Source: &now, Now: func() time.Time { return clock }, GiveUp: tc.limit})
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range tc.polls {
				clock = clock.Add(p.after)
				now = p.scene
				now.restart = p.restart
				err := loop.Poll(t.Context())
				if want := tc.gives && i == len(tc.polls)-1; errors.Is(err, meter.ErrGaveUp) != want || err != nil && !want {
					t.Fatalf("poll %d: got %v, want that it gives up: %v", i, err, want)
				}
			}
		})
	}
}
