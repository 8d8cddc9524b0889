//go:build real

package collector_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// scenario is what happens to a node while the collector runs on it.
type scenario struct {
	library func(testing.TB) string // the driver's, of the present day by default
	driver  nvmltest.Scenario       // at the beginning
	pods    []kubelettest.Pod       // that hold GPUs at the beginning
	flags   []string                // LIBRARY stands for the library's path
	before  deed                    // happens before the collector starts; nil for nothing
	steps   []step
}

// step lets something happen and says what the collector comes to show. All of
// shows must hold in one scrape, and still some polls later; between the two,
// every counter in grows has to grow and every one in stands to stand still.
type step struct {
	name   string
	do     deed           // nil for nothing
	signal syscall.Signal // sent to the collector then, 0 for none
	shows  []sight
	grows  []series
	stands []series
	says   []string // words of /readyz
	opens  opens    // whether it has the driver's device file open at the end
	log    []line
	exit   int // the code with which the collector ends of itself, 0 if it goes on
}

// opens is whether the driver's device file is open, if that matters.
type opens int

const (
	anyhow opens = iota
	open
	closed
)

// deed is something that happens to the node.
type deed func(t *testing.T, n *collectortest.Node)

// driven makes the driver play another scenario.
func driven(by nvmltest.Scenario) deed {
	return func(t *testing.T, n *collectortest.Node) { n.Play(t, by) }
}

// playing makes the driver play a scenario of its own each 50 ms, until another one
// is played like this. i counts them through the whole test.
func playing(scene func(i int) nvmltest.Scenario) deed {
	return func(t *testing.T, n *collectortest.Node) {
		n.Animate(t, scene)
	}
}

// held makes these pods hold devices, and nobody else.
func held(by ...kubelettest.Pod) deed {
	return func(_ *testing.T, n *collectortest.Node) { n.Kubelet.Hold(by...) }
}

// together is several deeds, one after the other.
func together(deeds ...deed) deed {
	return func(t *testing.T, n *collectortest.Node) {
		for _, do := range deeds {
			do(t, n)
		}
	}
}

// series is a family and its labels' values.
type series struct {
	family *metric.Family
	labels []string
}

func of(f *metric.Family, labels ...string) series { return series{f, labels} }

func (s series) String() string { return s.family.Name + "{" + strings.Join(s.labels, ",") + "}" }

func (s series) in(at collectortest.Scrape) float64 { return at.Value(s.family, s.labels...) }

// sight is what a scrape has to show.
type sight struct {
	what  string
	holds func(collectortest.Scrape) bool
}

func is(want float64, f *metric.Family, labels ...string) sight {
	return sight{fmt.Sprintf("%s is %g", of(f, labels...), want), func(s collectortest.Scrape) bool { return s.Is(want, f, labels...) }}
}

func has(f *metric.Family, labels ...string) sight {
	return sight{fmt.Sprintf("there is a %s", of(f, labels...)), func(s collectortest.Scrape) bool { return s.Has(f, labels...) }}
}

func hasNo(f *metric.Family, labels ...string) sight {
	return sight{fmt.Sprintf("there is no %s", of(f, labels...)), func(s collectortest.Scrape) bool { return !s.Has(f, labels...) }}
}

func above(least float64, f *metric.Family, labels ...string) sight {
	return sight{fmt.Sprintf("%s is above %g", of(f, labels...), least), func(s collectortest.Scrape) bool {
		return s.Value(f, labels...) > least
	}}
}

// line is one of the log, which comes some times.
type line struct {
	times int
	words []string
}

func logged(times int, words ...string) line { return line{times, words} }

// play runs the collector through the scenario. From each scrape to the next,
// the states of every GPU that is there have to sum to the time that went by.
func (sc scenario) play(t *testing.T) {
	n := collectortest.NewNode(t, sc.driver)
	n.Kubelet.Hold(sc.pods...)
	if sc.library != nil {
		n.Library = sc.library(t)
	}
	if sc.before != nil {
		sc.before(t, n)
	}
	args := []string{"--meter.interval=100ms"}
	for _, f := range sc.flags {
		args = append(args, strings.ReplaceAll(f, "LIBRARY", n.Library))
	}
	p := collectortest.Start(t, n.Command(t, built(t), args...))
	var last collectortest.Scrape
	for _, st := range sc.steps {
		if st.do != nil {
			st.do(t, n)
		}
		if st.signal != 0 {
			p.Signal(t, st.signal)
		}
		if st.exit == 0 {
			last = st.watch(t, p, last)
		} else if code := p.Wait(t); code != st.exit {
			t.Errorf("it ended with code %d, want %d", code, st.exit)
		}
		if st.opens != anyhow {
			if ways := n.Opened(t, p); (len(ways) > 0) != (st.opens == open) {
				t.Errorf("it has the driver's device file open in these ways: %q", ways)
			}
		}
		for _, l := range st.log {
			if got := p.Log.Lines(l.words...); got != l.times {
				t.Errorf("%d lines of the log have %q, want %d", got, l.words, l.times)
			}
		}
		if t.Failed() {
			t.Fatalf("in the step %q", st.name)
		}
	}
}

// watch waits until the collector shows what it should, and then looks whether
// that lasts. It returns the last scrape.
func (st step) watch(t *testing.T, p *collectortest.Process, before collectortest.Scrape) collectortest.Scrape {
	t.Helper()
	var fault string
	defer func() {
		if fault != "" {
			t.Errorf("it is not so that %s", fault)
		}
	}()
	reached := p.Until(t, st.name, func(s collectortest.Scrape) bool {
		fault = st.fault(s)
		return fault == ""
	})
	conserved(t, before, reached)
	later := p.Later(t, reached, 4)
	conserved(t, reached, later)
	fault = st.fault(later)
	st.compare(t, reached, later)
	p.Healthy(t)
	st.probe(t, p, reached, later)
	return later
}

// fault names the first thing that is not as it should be.
func (st step) fault(s collectortest.Scrape) string {
	for _, v := range st.shows {
		if !v.holds(s) {
			return v.what
		}
	}
	return ""
}

// probe looks at /readyz after two scrapes.
func (st step) probe(t *testing.T, p *collectortest.Process, a, b collectortest.Scrape) {
	t.Helper()
	ready, says := p.Ready()
	lost := &metric.CollectorUnobservedSeconds
	if idle := b.Value(lost) > a.Value(lost); idle == ready && (idle || b.Value(lost) == 0) && !strings.HasPrefix(says, "nothing is metered yet") {
		t.Errorf("ready is %v, and nothing is metered is %v", ready, idle)
	}
	for _, words := range st.says {
		if !strings.Contains(says, words) {
			t.Errorf("/readyz does not say %q but\n%s", words, says)
		}
	}
}

// compare looks at what happened between two scrapes.
func (st step) compare(t *testing.T, a, b collectortest.Scrape) {
	t.Helper()
	for _, s := range st.grows {
		if s.in(b) <= s.in(a) {
			t.Errorf("%s went from %g to %g, want it to grow", s, s.in(a), s.in(b))
		}
	}
	for _, s := range st.stands {
		if !b.Has(s.family, s.labels...) || s.in(b) != s.in(a) {
			t.Errorf("%s went from %g to %g, want it to stand still", s, s.in(a), s.in(b))
		}
	}
}

// conserved compares the GPUs that are there in both scrapes, and finds no
// counter that fell and no container that began anew.
func conserved(t *testing.T, a, b collectortest.Scrape) {
	t.Helper()
	for _, uuid := range []string{gpu0, gpu1} {
		if a.Has(&metric.DeviceUp, uuid) && b.Has(&metric.DeviceUp, uuid) {
			collectortest.Conserved(t, a, b, uuid)
		}
	}
	now := b.Snapshot()
	for name, was := range a.Snapshot() {
		value, there := now[name]
		family, _, _ := strings.Cut(name, "{")
		switch {
		case strings.HasSuffix(family, "_total") && there && value < was:
			t.Errorf("%s fell from %g to %g", name, was, value)
		case strings.HasSuffix(family, "_start_time_seconds") && value != was:
			t.Errorf("%s went from %f to %f", name, was, value)
		}
	}
}
