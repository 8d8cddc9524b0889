package gputally_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// threeNodes have two GPUs each, of which one is held all the time and one now and
// then. A collector dies in each hour. A fourth node is lost in the second hour:
// only the server and kube-state-metrics know it still.
func threeNodes() *memory {
	m := newMemory()
	info, pool := metric.Family{Name: "kube_node_info"}, metric.Family{Name: "kube_node_labels"}
	for i := range 4 {
		name := fmt.Sprint("node-", i)
		uuids := []string{fmt.Sprintf("GPU-%d0", i), fmt.Sprintf("GPU-%d1", i)}
		from := int64(i) * minute
		sc := scene{
			node: name, uuids: uuids, told: true,
			holds: []hold{
				{uuid: uuids[0], pod: "long-" + name, share: 1, from: from - 40*minute, to: 4 * hour},
				{uuid: uuids[1], pod: "half-" + name, share: 0.5, from: 20*minute + from, to: 130*minute + from},
				{uuid: uuids[1], pod: "short-" + name, share: 0.5, from: 70 * minute, to: 80*minute + from},
			},
			processes: []process{{name, -2 * hour, 25*minute + from}, {name, 25*minute + from + 20*second, 95 * minute}, {name, 95*minute + 10*second, 5 * hour}},
			scrapers:  []scraper{{phase: -90*minute + 7*second + int64(i)*second, interval: minute}},
		}
		if i == 3 {
			sc.scrapers[0].lost = func(t int64) bool { return t > 80*minute }
		}
		sc.render(m)
		sc.know(m, process{name, -2 * hour, 5 * hour})
		for at := -2 * hour; at < 5*hour; at += minute {
			m.add(t0+at, info, 1, "node", name, "job", "kube-state-metrics")
			m.add(t0+at, pool, 1, "node", name, "label_pool", "pool-of-"+name, "job", "kube-state-metrics")
		}
	}
	return m
}

// shortened is a server that damages the answers to some reads.
type shortened struct {
	*memory
	read   string // a name that only these reads ask for
	from   int64  // the window's begin, ms after t0
	damage func(s *series.Series) bool
	twice  bool
	left   int // reads to damage
	done   int
}

func (s *shortened) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	end := q.To.UnixMilli() - t0
	asks := slices.ContainsFunc(q.Matchers, func(m series.Matcher) bool {
		return m.Name == "__name__" && slices.Contains(strings.Split(m.Value, "|"), s.read)
	})
	if !asks || s.left == 0 || end < s.from+50*minute || end > s.from+70*minute {
		return s.memory.Read(ctx, q, yield)
	}
	s.left--
	s.done++
	for range map[bool]int{false: 1, true: 2}[s.twice] {
		err := s.memory.Read(ctx, q, func(got series.Series) error {
			got.Samples = slices.Clone(got.Samples)
			if s.damage != nil && !s.damage(&got) {
				return nil
			}
			return yield(got)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// shortReads are the reads of an hour.
var shortReads = map[string]string{
	"collectors": metric.CollectorStartTime.Name, "up": "up", "nodes": "kube_node_info", "GPUs": metric.DeviceSeconds.Name,
}

// damages are what may be wrong with an answer.
func damages(from int64) map[string]func(s *series.Series) bool {
	cut := func(first, last int64) func(s *series.Series) bool {
		return func(s *series.Series) bool {
			s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T < t0+from+first || p.T >= t0+from+last })
			s.Stale = nil
			return len(s.Samples) > 0
		}
	}
	lacks := func(label, part string) func(s *series.Series) bool {
		return func(s *series.Series) bool { return !strings.Contains(s.Labels.Get(label), part) }
	}
	all := map[string]func(s *series.Series) bool{
		"nothing": func(*series.Series) bool { return false },
		"a third": func(s *series.Series) bool {
			return strings.Contains(fmt.Sprint(s.Labels), "node-0") || strings.Contains(fmt.Sprint(s.Labels), "GPU-0")
		},
		"no node-1": func(s *series.Series) bool {
			text := fmt.Sprint(s.Labels)
			return !strings.Contains(text, "node-1") && !strings.Contains(text, "GPU-1")
		},
		"no GPU-10":                    lacks("uuid", "GPU-10"),
		"no container of GPU-20":       func(s *series.Series) bool { return s.Labels.Get("uuid") != "GPU-20" || s.Labels.Get("pod") == "" },
		"no container that shares":     lacks("pod", "short-"),
		"no device":                    lacks("__name__", "_device_"),
		"no containers":                lacks("__name__", "_container_"),
		"no allocated time of devices": lacks("state", "allocated"),
		"the first half-hour":          cut(-10*minute, 30*minute),
		"the last half-hour":           cut(30*minute, 2*hour),
		"a hole of ten minutes": func(s *series.Series) bool {
			s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T >= t0+from+20*minute && p.T < t0+from+30*minute })
			return true
		},
		"another time": func(s *series.Series) bool {
			for i := range s.Samples {
				s.Samples[i].T -= 2 * hour
			}
			return true
		},
		"the first half-hour of GPU-20": func(s *series.Series) bool { return s.Labels.Get("uuid") != "GPU-20" || cut(-10*minute, 30*minute)(s) },
		"the first half-hour of long-node-1": func(s *series.Series) bool {
			return s.Labels.Get("pod") != "long-node-1" || cut(-10*minute, 30*minute)(s)
		},
		"the first half-hour of node-2": func(s *series.Series) bool {
			return s.Labels.Get("instance") != "node-2" && s.Labels.Get("node") != "node-2" || cut(-10*minute, 30*minute)(s)
		},
	}
	all["a hole in the intervals of node-1"] = func(s *series.Series) bool {
		return s.Labels.Get("__name__") != metric.CollectorPollInterval.Name || s.Labels.Get("instance") != "node-1" || cut(-10*minute, 30*minute)(s)
	}
	for _, f := range []metric.Family{
		metric.NodeInfo, metric.DeviceInfo, metric.CollectorStartTime, metric.CollectorPollAge, metric.CollectorPollInterval,
		metric.ContainerAllocatedSeconds, metric.ContainerStartTime, metric.ContainerShare, metric.ContainerEnergy, metric.ContainerMemoryByteSeconds,
		metric.ContainerActiveSeconds, metric.ContainerIdleSeconds, metric.ContainerObservedSeconds,
	} {
		all["no "+f.Name] = func(s *series.Series) bool { return s.Labels.Get("__name__") != f.Name }
	}
	for _, name := range []string{"kube_node_info", "kube_node_labels"} {
		all["no "+name] = func(s *series.Series) bool { return s.Labels.Get("__name__") != name }
	}
	return all
}

// isAccepted tells whether an answer that lacks a family may be all that there is: a
// relabelling may drop it always, and until an hour knew of energy, pools or the
// interval between polls nobody knows that there are any.
func isAccepted(read, what, at, often string) bool {
	lacks := func(families ...metric.Family) bool {
		return slices.ContainsFunc(families, func(f metric.Family) bool { return what == "no "+f.Name })
	}
	switch {
	case at == "first" && read == "GPUs" && lacks(metric.ContainerEnergy, metric.ContainerMemoryByteSeconds):
		return true
	case often == "once":
		return false
	case at == "first" && (read == "nodes" || lacks(metric.CollectorPollInterval)):
		return true
	}
	return read == "GPUs" && lacks(metric.ContainerStartTime, metric.ContainerActiveSeconds, metric.ContainerIdleSeconds, metric.ContainerObservedSeconds)
}

// shortChain is three hours, of which each was closed beside the one before.
type shortChain struct{ hours []whole }

// closeFrom closes the hours from one on. An hour that is refused is closed again with
// answers that are whole.
func (c shortChain) closeFrom(t *testing.T, from int, r *shortened) shortChain {
	t.Helper()
	all := shortChain{slices.Clone(c.hours[:from])}
	for i := from; i < 3; i++ {
		var n usage.Neighbours
		if i > 0 {
			n = all.hours[i-1].before()
		}
		w := span(int64(i)*hour, int64(i+1)*hour)
		src := newCloser(t, gputally.Config{Cluster: "c1", Reader: r, NodePoolLabel: "label_pool"})
		h, err := tryWhole(src, w, n)
		if errors.Is(err, source.ErrIncomplete) || errors.Is(err, source.ErrNoData) {
			r.left = 0
			h, err = tryWhole(src, w, n)
		}
		if err != nil {
			t.Fatal(err)
		}
		all.hours = append(all.hours, h)
		if len(c.hours) > i && cmp.Equal(c.hours[i], h) {
			all.hours = append(all.hours, c.hours[i+1:]...)
			break
		}
	}
	return all
}

// sums are of the rows of the hours, by what they name.
func (c shortChain) sums() map[string]usage.Segment {
	all := map[string]usage.Segment{}
	for _, h := range c.hours {
		for _, s := range h.Hour.Segments {
			key := fmt.Sprint(s.State, " ", s.Node, " ", s.NodePool, " ", s.Model, " ", s.Pod)
			sum := all[key]
			sum.GPUMillis += s.GPUMillis
			sum.ActiveMillis += s.ActiveMillis
			sum.EnergyMillijoules += s.EnergyMillijoules
			sum.State = s.State
			all[key] = sum
		}
	}
	return all
}

// One read of an hour gets too small an answer, once or always: the hours are the same,
// or one is refused, or what lacks is uncovered. No amount is larger.
func TestAnAnswerThatIsTooSmall(t *testing.T) {
	t.Parallel()
	servers := threeNodes()
	want := shortChain{}.closeFrom(t, 0, &shortened{memory: servers})
	for read, name := range shortReads {
		for at, from := range map[string]int{"first": 0, "second": 1, "third": 2} {
			all := damages(int64(from) * hour)
			all["twice"] = nil
			for what, damage := range all {
				for often, times := range map[string]int{"once": 1, "always": math.MaxInt} {
					if at == "third" && read == "GPUs" || isAccepted(read, what, at, often) {
						continue
					}
					t.Run(fmt.Sprintf("%s of the %s in the %s hour, %s", what, read, at, often), func(t *testing.T) {
						t.Parallel()
						s := &shortened{memory: servers, read: name, from: int64(from) * hour, damage: damage, twice: damage == nil, left: times}
						got := want.closeFrom(t, from, s)
						if s.done == 0 {
							t.Error("nobody asked")
						}
						compareShort(t, want.sums(), got.sums())
						got.conserves(t)
					})
				}
			}
		}
	}
}

// conserves makes sure that the states of each GPU make each hour: ledger verify
// refuses other hours.
func (c shortChain) conserves(t *testing.T) {
	t.Helper()
	for _, h := range c.hours {
		of := map[string]int64{}
		for _, s := range h.Hour.Segments {
			of[s.UUID] += s.GPUMillis
		}
		for uuid, ms := range of {
			if !usage.Agree(ms, hour) {
				t.Errorf("%s has %d ms in %s", uuid, ms, h.Hour.Window)
			}
		}
	}
}

func compareShort(t *testing.T, want, got map[string]usage.Segment) {
	t.Helper()
	const rounding = 10 // ms
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	var gap, sum int64
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		w, g := want[key], got[key]
		more := g.GPUMillis - w.GPUMillis
		switch state := keys[key].State; {
		case state == usage.Absent:
			continue
		case state == usage.Uncovered:
			gap += more
		case more > rounding:
			t.Errorf("%s has %d ms, want %d", key, g.GPUMillis, w.GPUMillis)
		case more > -rounding && (g.ActiveMillis != w.ActiveMillis || g.EnergyMillijoules != w.EnergyMillijoules):
			t.Errorf("%s was active for %d ms, want %d; it took %d mJ, want %d", key, g.ActiveMillis, w.ActiveMillis, g.EnergyMillijoules, w.EnergyMillijoules)
		}
		sum += more
	}
	if sum > rounding || sum < -rounding {
		t.Errorf("all is off by %d ms, and %d ms more are uncovered", sum, gap)
	}
}

func TestWhatIsAcceptedIsNamed(t *testing.T) {
	t.Parallel()
	s := &shortened{memory: threeNodes(), read: metric.DeviceSeconds.Name, damage: damages(0)["no container of GPU-20"], left: math.MaxInt}
	strict := newCloser(t, gputally.Config{Cluster: "c1", Reader: s})
	if _, err := tryWhole(strict, span(0, hour), usage.Neighbours{}); !errors.Is(err, source.ErrIncomplete) {
		t.Fatalf("it is not refused: %v", err)
	}
	h := closeWhole(t, strict.Accepting(), span(0, hour), usage.Neighbours{}).Hour
	if !slices.ContainsFunc(h.Findings, func(f usage.Finding) bool {
		return f.Code == usage.ReadIncomplete && f.Count == 1 && strings.HasPrefix(f.Named[0], "GPU-20 has no container")
	}) {
		t.Errorf("findings %v", h.Findings)
	}
}

func TestAProcessNeedNotKnowWhatTheOneBeforeKnew(t *testing.T) {
	t.Parallel()
	m := newMemory()
	sc := oneNode(hold{uuid: "GPU-a", pod: "p", share: 1, from: -hour, to: 2 * hour})
	sc.processes = []process{{"10.0.0.1:9400", -5 * hour, 20 * minute}, {"10.0.0.1:9400", 20*minute + 10*second, 5 * hour}}
	sc.render(m)
	m.each(metric.ContainerEnergy, func(s *series.Series) {
		s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T > t0+20*minute })
	})
	if h := closed(t, m, 0, hour); len(h.Findings) > 0 || h.Coverage.Allocated != hour {
		t.Errorf("coverage %+v, findings %v", h.Coverage, h.Findings)
	}
}
