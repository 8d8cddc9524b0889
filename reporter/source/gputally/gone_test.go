package gputally_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// know makes the server know a target for a time, in ms after t0: it has up, and
// a scrape that fails ends all of the target's series.
func (sc scene) know(m *memory, target process) {
	up := metric.Family{Name: "up"}
	for _, s := range sc.scrapers {
		instance := target.instance + s.replica
		labels := []string{"instance", instance, "job", "collector"}
		for t := s.phase; s.until == 0 && t < target.to+s.interval || t < s.until; t += s.interval {
			if t < target.from {
				continue
			}
			if t >= target.to {
				m.end(t0+t, instance)
				known := m.at(up.Name, labels)
				known.Stale = append(known.Stale, t0+t)
				break
			}
			alive := slices.ContainsFunc(sc.processes, func(p process) bool { return p.instance == target.instance && p.from <= t && t < p.to })
			if alive && (s.lost == nil || !s.lost(t)) {
				m.add(t0+t, up, 1, labels...)
				continue
			}
			m.add(t0+t, up, 0, labels...)
			m.end(t0+t, instance)
		}
	}
	for _, s := range m.series {
		slices.Sort(s.Stale)
	}
}

// chain closes four hours in their order.
func chain(t *testing.T, r series.Reader) [4]whole {
	t.Helper()
	var all [4]whole
	var n usage.Neighbours
	for i := range all {
		c := newCloser(t, gputally.Config{Cluster: "c1", Reader: r, AllowEmpty: true})
		all[i] = closeWhole(t, c, span(int64(i)*hour, int64(i+1)*hour), n)
		n = all[i].before()
	}
	return all
}

func TestWhatHappensToAGPUThatIsNotSeen(t *testing.T) {
	t.Parallel()
	lost := func(from, to int64) func(*scene) {
		return func(sc *scene) { sc.scrapers[0].lost = func(t int64) bool { return from <= t && t < to } }
	}
	dead := func(from, to int64, next string) func(*scene) {
		return func(sc *scene) {
			sc.processes = []process{{"10.0.0.1:9400", -5 * hour, from}, {next, to, 5 * hour}}
		}
	}
	always := []process{{"10.0.0.1:9400", -5 * hour, 6 * hour}}
	tests := map[string]struct {
		edit                         func(*scene)
		targets                      []process
		kube                         [2]int64 // since when and until when kube-state-metrics knows the node
		allocated, uncovered, absent [4]int64 // minutes, by hour
	}{
		"scrapes that are lost for hours are counted when there are some again": {
			edit: lost(30*minute, 140*minute), targets: always,
			allocated: [4]int64{30, 0, 150, 60}, uncovered: [4]int64{30, 60, 0, 0},
		},
		"a collector that is down for hours leaves them uncovered": {
			edit: dead(30*minute, 140*minute, "10.0.0.1:9400"), targets: always,
			allocated: [4]int64{30, 0, 40, 60}, uncovered: [4]int64{30, 60, 20, 0},
		},
		"a node that kube-state-metrics knows is there without a target": {
			edit: dead(30*minute, 140*minute, "10.0.0.9:9400"), kube: [2]int64{-5 * hour, 6 * hour},
			targets:   []process{{"10.0.0.1:9400", -5 * hour, 30 * minute}, {"10.0.0.9:9400", 140 * minute, 6 * hour}},
			allocated: [4]int64{30, 0, 40, 60}, uncovered: [4]int64{30, 60, 20, 0},
		},
		"a target that is replaced leaves a gap": {
			edit:      dead(20*minute, 22*minute, "10.0.0.9:9400"),
			targets:   []process{{"10.0.0.1:9400", -5 * hour, 20 * minute}, {"10.0.0.9:9400", 21 * minute, 6 * hour}},
			allocated: [4]int64{60, 60, 60, 60}, // bridged
		},
		"a target that is replaced over an edge leaves a gap": {
			edit:      dead(56*minute, 63*minute, "10.0.0.9:9400"),
			targets:   []process{{"10.0.0.1:9400", -5 * hour, 56 * minute}, {"10.0.0.9:9400", 62 * minute, 6 * hour}},
			allocated: [4]int64{56, 57, 60, 60}, uncovered: [4]int64{4, 3, 0, 0},
		},
		"a node whose target ends is gone": {
			edit: dead(30*minute, 10*hour, ""), targets: []process{{"10.0.0.1:9400", -5 * hour, 30 * minute}},
			allocated: [4]int64{30, 0, 0, 0}, absent: [4]int64{30, 0, 0, 0},
		},
		"a node whose target ends hours after its collector is gone then": {
			edit: dead(30*minute, 10*hour, ""), targets: []process{{"10.0.0.1:9400", -5 * hour, 90 * minute}},
			allocated: [4]int64{30, 0, 0, 0}, uncovered: [4]int64{30, 30, 0, 0}, absent: [4]int64{0, 30, 0, 0},
		},
		"a node that is gone, and comes back": {
			edit:      dead(30*minute, 140*minute, "10.0.0.9:9400"),
			targets:   []process{{"10.0.0.1:9400", -5 * hour, 30 * minute}, {"10.0.0.9:9400", 140 * minute, 6 * hour}},
			allocated: [4]int64{30, 0, 40, 60}, absent: [4]int64{30, 0, 20, 0},
		},
		"a node that kube-state-metrics forgets is gone then": {
			edit: dead(30*minute, 10*hour, ""), targets: []process{{"10.0.0.1:9400", -5 * hour, 30 * minute}}, kube: [2]int64{-5 * hour, 46 * minute},
			allocated: [4]int64{30, 0, 0, 0}, uncovered: [4]int64{15, 0, 0, 0}, absent: [4]int64{15, 0, 0, 0},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			other := oneNode() // which shows that the server is there
			other.node, other.uuids, other.processes[0].instance = "node-2", []string{"GPU-b"}, "10.0.0.2:9400"
			other.render(m)
			sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: -2 * hour, to: 6 * hour})
			test.edit(&sc)
			sc.render(m)
			for _, target := range test.targets {
				sc.know(m, target)
			}
			if test.kube[0] < test.kube[1] {
				info := metric.Family{Name: "kube_node_info"}
				for at := test.kube[0]; at < test.kube[1]; at += minute {
					m.add(t0+at, info, 1, "node", "node-1")
				}
				m.each(info, func(s *series.Series) { s.Stale = append(s.Stale, t0+test.kube[1]) })
			}
			var allocated, uncovered, absent [4]int64
			for i, h := range chain(t, m) {
				checkCoverage(t, h.Hour)
				for _, s := range h.Hour.Segments {
					of := map[usage.State]*int64{usage.Allocated: &allocated[i], usage.Uncovered: &uncovered[i], usage.Absent: &absent[i]}[s.State]
					if s.UUID == "GPU-a" && of != nil {
						*of += s.GPUMillis
					}
				}
			}
			for _, all := range []*[4]int64{&allocated, &uncovered, &absent} {
				for i := range all {
					all[i] = (all[i] + minute/2) / minute // scrapes are half a minute apart
				}
			}
			if diff := cmp.Diff([3][4]int64{test.allocated, test.uncovered, test.absent}, [3][4]int64{allocated, uncovered, absent}); diff != "" {
				t.Errorf("allocated, uncovered, absent by hour (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever no window sees is counted by the first one that sees something again.
func TestHoursAddUpToTheDayOverGapsLongerThanAnHour(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		sc := drawScene(t, 10)
		for i := range sc.processes { // of whose target the server knows at all times
			sc.processes[i].instance = "a"
		}
		from := rapid.Int64Range(-5*minute, 2*short).Draw(t, "scrapes are lost from")
		to := from + rapid.Int64Range(0, 2*short).Draw(t, "for so long")
		for i := range sc.scrapers {
			some := sc.scrapers[i].lost
			sc.scrapers[i].lost = func(at int64) bool { return from <= at && at < to || some(at) }
		}
		sc.render(m)
		sc.know(m, process{"a", -hour, 2 * hour})
		b := drawBooks(t, minute)
		b.own = hour // of an edge inside a gap the day knows less than the hours
		for i := range b.hours {
			b.close(i, m, never)
		}
		want := closeScene(t, m, 0, 2*short)
		b.mustBe("in order", want)
		first := rapid.IntRange(0, len(b.hours)-1).Draw(t, "restated from")
		last := rapid.IntRange(first, len(b.hours)-1).Draw(t, "restated to")
		for i := first; i <= last; i++ {
			var n usage.Neighbours
			switch {
			case i > first:
				n = b.hours[i-1].before()
			case i > 0:
				n = b.hours[i-1].carried()
			}
			b.closeBeside(i, m, n)
		}
		for _, beside := range []int{first - 1, last + 1} { // take over the new edges
			if 0 <= beside && beside < len(b.hours) {
				b.close(beside, m, never)
			}
		}
		b.mustBe("restated", want)
	})
}

// Where neither a collector nor its node is known of for more than an hour, nobody
// can tell what was counted in hours before. It is not counted, but named.
func TestWhatWasHeldBeforeAnHourThatKnewNothingIsNamed(t *testing.T) {
	t.Parallel()
	m := newMemory()
	sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: 10 * minute, to: 5 * hour})
	sc.processes = []process{{"b", -hour, -2 * minute}, {"a", -minute, 5 * hour}}
	sc.scrapers[0].lost = func(at int64) bool { return -minute < at && at < 150*minute }
	sc.render(m)
	other := oneNode()
	other.node, other.uuids, other.processes[0].instance = "node-2", []string{"GPU-b"}, "c"
	other.render(m)
	hours := chain(t, m)
	last := hours[2].Hour
	if got := byHolder(last)["GPU-a p"].gpu; got != hour || !strings.Contains(fmt.Sprint(last.Findings), "not counted here: team/p/main on GPU-a") {
		t.Errorf("%d ms held, findings %v", got, last.Findings)
	}
	for _, h := range hours[:2] {
		if len(h.Hour.Findings) > 0 {
			t.Errorf("findings %v", h.Hour.Findings)
		}
	}
}
