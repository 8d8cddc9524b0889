package sourcetest

import (
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/window"
)

// Cluster is the cluster of every scenario.
const Cluster = "eu-1"

// Profile is what Run needs to know of a source profile.
type Profile struct {
	Name string // in usage.Hour.Source
	// New returns a source for a cluster whose exporters showed the scenario and
	// were scraped at least every half minute. Seeds differ in the order in which
	// the server sends its series.
	New func(t testing.TB, s Scenario, seed uint64) source.Source
	// Tolerance is by how much the time of a holder may be off in a window.
	Tolerance time.Duration
}

// Scenario is what happened in a cluster of one node.
type Scenario struct {
	// From and To are when the exporter of the node ran. They lie well before and
	// after the windows that are closed. Zero for no exporter at all.
	From, To time.Time
	UUIDs    []string // of the GPUs, which are there all the time
	Holdings []Holding
}

// Holding is a container that holds a share of a GPU, in the namespace "team".
type Holding struct {
	UUID, Pod string
	Share     float64
	From, To  time.Time
}

// t0 is the begin of the first hour that is closed.
func t0() time.Time { return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) }

// hours is the window of some hours from the first one on.
func hours(n int) window.Window {
	return window.Window{From: t0(), To: t0().Add(time.Duration(n) * time.Hour)}
}

// busy has holders that come and go, share a GPU, and hold over the edges of
// hours; one GPU that is never held; and UUIDs of more than one kind.
func busy() Scenario {
	at := func(d time.Duration) time.Time { return t0().Add(d) }
	return Scenario{
		From: at(-3 * time.Hour), To: at(6 * time.Hour),
		UUIDs: []string{"GPU-0a", "GPU-1b", "GPU-c2", "other-kind"},
		Holdings: []Holding{
			{"GPU-0a", "long", 1, at(-2 * time.Hour), at(5 * time.Hour)},
			{"GPU-1b", "first", 1, at(-time.Hour), at(20*time.Minute + 13*time.Second)},
			{"GPU-1b", "second", 1, at(25 * time.Minute), at(65 * time.Minute)},
			{"GPU-1b", "third", 1, at(70*time.Minute + time.Second), at(110 * time.Minute)},
			{"GPU-c2", "left", 0.5, at(5 * time.Minute), at(90 * time.Minute)},
			{"GPU-c2", "right", 0.5, at(10 * time.Minute), at(3 * time.Hour)},
		},
	}
}

// held is the GPU time of a pod in a window.
func (s Scenario) held(pod string, w window.Window) time.Duration {
	var sum time.Duration
	for _, h := range s.Holdings {
		if common, ok := (window.Window{From: h.From, To: h.To}).Intersect(w); ok && h.Pod == pod {
			sum += time.Duration(h.Share * float64(common.Duration()))
		}
	}
	return sum
}
