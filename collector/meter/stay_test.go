package meter_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// shown is what stands on a snapshot of a holding of pod p.
type shown struct {
	uid        string
	from, to   int // seconds since the beginning, to -1 while it is held
	gpuSeconds float64
}

func TestAPodsSecondsWaitForItsUID(t *testing.T) {
	t.Parallel()
	pending, clear := func(n int64) *device.Stay { return &device.Stay{Number: n, Pending: true} }, func(n int64) *device.Stay { return &device.Stay{Number: n} }
	// poll is what is held at one second.
	type poll struct {
		uid  string
		stay *device.Stay // nil for nothing held
	}
	hidden, gone := poll{"", pending(1)}, poll{}
	known := poll{"uid", clear(1)}
	for name, tc := range map[string]struct {
		polls []poll
		want  []shown
	}{
		"while it is pending":             {[]poll{gone, hidden, hidden, hidden}, nil},
		"it comes to be known":            {[]poll{gone, hidden, hidden, hidden, known, known}, []shown{{"uid", 1, -1, 4}}},
		"it was known from the beginning": {[]poll{gone, known, known, gone, gone}, []shown{{"uid", 1, 3, 2}}},
		"the pod ends before":             {[]poll{gone, hidden, hidden, hidden, hidden, hidden, gone, gone}, []shown{{"", 1, 6, 5}}},
		"it never comes to be known":      {[]poll{hidden, hidden, {"", clear(1)}, {"", clear(1)}}, []shown{{"", 0, -1, 3}}},
		"it comes when the wait is over":  {[]poll{hidden, {"", clear(1)}, {"", clear(1)}, known, known}, []shown{{"", 0, 3, 3}, {"uid", 3, -1, 1}}},
		"two pods of one name end before": {
			[]poll{hidden, hidden, gone, {"", pending(2)}, {"", pending(2)}, {"", pending(2)}, gone}, []shown{{"", 0, 6, 5}},
		},
		"another pod of its name is known": {
			[]poll{hidden, hidden, {"other", clear(2)}, {"other", clear(2)}}, []shown{{"", 0, 2, 2}, {"other", 2, -1, 1}},
		},
		"it turns out to be one that was shown before": {
			[]poll{known, known, gone, {"", pending(2)}, {"", pending(2)}, {"uid", clear(2)}, {"uid", clear(2)}}, []shown{{"", 3, 5, 2}, {"uid", 0, -1, 3}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := meter.New(meter.Config{Start: origin})
			if err != nil {
				t.Fatal(err)
			}
			var s *meter.Snapshot
			for i, p := range tc.polls {
				a := meter.Attribution{}
				if p.stay != nil {
					h := hold("p", "GPU-0", 1, true)
					h.Holder.PodUID = p.uid
					a.Holdings, a.Stays = []device.Holding{h}, map[device.Holder]device.Stay{h.Holder: *p.stay}
				}
				s = m.Observe(meter.Observation{
					At: origin.Add(time.Duration(i) * time.Second), Holders: &a,
					Inventory: &device.Inventory{GPUs: []device.GPU{gpu("GPU-0", 0, 0)}},
				})
			}
			var got []shown
			var sum float64
			for _, h := range s.Holdings {
				to := -1
				if !h.End.IsZero() {
					to = int(h.End.Sub(origin).Seconds())
				}
				got = append(got, shown{h.Holder.PodUID, int(h.Start.Sub(origin).Seconds()), to, h.Allocated})
				sum += h.Allocated
			}
			if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(shown{})); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			if d := s.Devices[0].States; len(got) > 0 && (d.Allocated != sum || d.Unattributed != 0) {
				t.Errorf("the GPU was allocated for %v and unattributed for %v, its holders have %v", d.Allocated, d.Unattributed, sum)
			}
		})
	}
}
