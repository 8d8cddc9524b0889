package gputally_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// t0 is the beginning of the hour that most tests close, Unix ms.
var t0 = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC).UnixMilli()

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
)

// memory is a Reader over series in memory.
type memory struct {
	series  map[string]*series.Series
	shuffle *rand.Rand      // order of an answer; nil is by key
	beyond  []series.Sample // are in every answer, whatever its range
}

func newMemory() *memory { return &memory{series: map[string]*series.Series{}} }

func (m *memory) at(name string, labels []string) *series.Series {
	key := name + "\xff" + strings.Join(labels, "\xff")
	s := m.series[key]
	if s == nil {
		s = &series.Series{Labels: series.Labels{{Name: "__name__", Value: name}}}
		for i := 0; i < len(labels); i += 2 {
			s.Labels = append(s.Labels, series.Label{Name: labels[i], Value: labels[i+1]})
		}
		slices.SortFunc(s.Labels, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
		m.series[key] = s
	}
	return s
}

// add appends one sample; labels are names and values.
func (m *memory) add(t int64, f metric.Family, v float64, labels ...string) {
	s := m.at(f.Name, labels)
	s.Samples = append(s.Samples, series.Sample{T: t, V: v})
}

// put appends one sample to the series with such labels.
func (m *memory) put(t int64, f metric.Family, v float64, ls series.Labels) {
	var labels []string
	for _, l := range ls {
		if l.Name != "__name__" {
			labels = append(labels, l.Name, l.Value)
		}
	}
	m.add(t, f, v, labels...)
}

// each visits the series of a family.
func (m *memory) each(f metric.Family, visit func(*series.Series)) {
	for _, s := range m.series {
		if s.Labels.Get("__name__") == f.Name {
			visit(s)
		}
	}
}

// drop leaves out the series of families.
func (m *memory) drop(families ...metric.Family) {
	for _, f := range families {
		m.each(f, func(s *series.Series) { s.Samples = nil })
	}
}

// end marks all series of the instance as stale.
func (m *memory) end(t int64, instance string) {
	for _, s := range m.series {
		if s.Labels.Get("instance") == instance && s.Labels.Get("__name__") != "up" {
			s.Stale = append(s.Stale, t)
		}
	}
}

func (*memory) Road() string { return "memory" }

func (m *memory) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	keys := make([]string, 0, len(m.series))
	for key := range m.series {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if m.shuffle != nil {
		m.shuffle.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	}
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	var room series.Series // used for every series, as a real reader may
	matches := matching(q.Matchers)
	for _, key := range keys {
		s := m.series[key]
		if !matches(s.Labels) {
			continue
		}
		room.Labels = append(room.Labels[:0], s.Labels...)
		room.Samples, room.Stale = room.Samples[:0], room.Stale[:0]
		for _, p := range s.Samples {
			if from <= p.T && p.T <= to {
				room.Samples = append(room.Samples, p)
			}
		}
		room.Samples = append(room.Samples, m.beyond...)
		for _, t := range s.Stale {
			if from <= t && t <= to {
				room.Stale = append(room.Stale, t)
			}
		}
		if len(room.Samples)+len(room.Stale) == 0 {
			continue
		}
		if err := yield(room); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// hold is a container that holds a share of a GPU; times in ms after t0.
type hold struct {
	uuid, pod string
	share     float64
	from, to  int64
	// then is the share from changed on, if changed is not 0.
	changed int64
	then    float64
}

// process is a collector; times in ms after t0.
type process struct {
	instance string
	from, to int64
}

// scraper scrapes every interval from phase on.
type scraper struct {
	replica         string
	phase, interval int64
	until           int64 // last scrape is before; 0 for no end
	lost            func(t int64) bool
}

// scene is one node: a small, slow and obvious model of what its collectors
// expose, which shares no code with the collector.
type scene struct {
	node         string // "node-1" if ""
	uuids        []string
	holds        []hold
	processes    []process
	scrapers     []scraper
	poll         int64    // ms between polls, 1 s if 0
	told         bool     // collectors tell how long that is
	stuck        [2]int64 // no poll and nothing counted from the first to the second
	without      string   // a family that was not scraped
	withoutAfter int64    // since then, 0 is always
}

// render scrapes the scene.
func (sc scene) render(m *memory) {
	if sc.poll == 0 {
		sc.poll = second
	}
	if sc.node == "" {
		sc.node = "node-1"
	}
	for _, s := range sc.scrapers {
		for _, p := range sc.processes {
			for t := s.phase; t < p.to+s.interval && (s.until == 0 || t < s.until); t += s.interval {
				if t < p.from || s.lost != nil && s.lost(t) {
					continue
				}
				if t >= p.to {
					m.end(t0+t, p.instance+s.replica)
					continue
				}
				sc.scrape(m, s, p, t)
			}
		}
	}
}

func (sc scene) scrape(m *memory, s scraper, p process, t int64) {
	target := []string{"instance", p.instance + s.replica, "job", "collector"}
	put := func(f metric.Family, v float64, labels ...string) {
		if f.Name != sc.without || sc.withoutAfter != 0 && t < sc.withoutAfter {
			m.add(t0+t, f, v, append(labels, target...)...)
		}
	}
	now := p.from + (t-p.from)/sc.poll*sc.poll // the latest poll
	if now > sc.stuck[0] && now < sc.stuck[1] {
		now = sc.stuck[0]
	}
	put(metric.CollectorStartTime, unix(p.from))
	put(metric.CollectorPollAge, float64(t-now)/1000)
	if sc.told {
		put(metric.CollectorPollInterval, float64(sc.poll)/1000)
	}
	put(metric.NodeInfo, 1, "node", sc.node, "driver_version", "580", "cuda_version", "13", "attribution", "kubelet")
	allocated := map[string]float64{}
	for _, h := range sc.holds {
		from, to := sc.seen(p, h.from), sc.seen(p, h.to)
		if from > now || h.to <= p.from || to == from {
			continue
		}
		v, share := h.share*float64(sc.counted(from, min(now, to)))/1000, h.share
		if h.changed != 0 {
			if change := max(from, sc.seen(p, h.changed)); change <= now {
				v += (h.then - h.share) * float64(sc.counted(change, min(now, to))) / 1000
				share = h.then
			}
		}
		allocated[h.uuid] += v
		if now-to > 10*minute {
			continue
		}
		labels := []string{"uuid", h.uuid, "namespace", "team", "pod", h.pod, "pod_uid", "uid-" + h.pod, "container", "main"}
		if to <= now {
			put(metric.ContainerEndTime, unix(to), labels...)
			share = 0
		}
		put(metric.ContainerStartTime, unix(from), labels...)
		put(metric.ContainerShare, share, labels...)
		put(metric.ContainerAllocatedSeconds, v, labels...)
		put(metric.ContainerActiveSeconds, v/2, labels...)
		put(metric.ContainerIdleSeconds, v/4, labels...)
		put(metric.ContainerObservedSeconds, v, labels...)
		put(metric.ContainerMemoryByteSeconds, v*1e9, labels...)
		put(metric.ContainerEnergy, v*100, labels...)
	}
	for _, uuid := range sc.uuids {
		put(metric.DeviceInfo, 1, "uuid", uuid, "node", sc.node, "model", "NVIDIA H200", "pci_bus_id", "0")
		put(metric.DeviceSeconds, allocated[uuid], "uuid", uuid, "state", "allocated")
		put(metric.DeviceSeconds, max(0, float64(sc.counted(p.from, now))/1000-allocated[uuid]), "uuid", uuid, "state", "unallocated")
		put(metric.DeviceSeconds, 0, "uuid", uuid, "state", "unattributed")
		put(metric.DeviceSeconds, 0, "uuid", uuid, "state", "unavailable")
	}
}

// counted is the time from one poll to another that was counted.
func (sc scene) counted(from, to int64) int64 {
	return to - from - max(0, min(to, sc.stuck[1])-max(from, sc.stuck[0]))
}

// seen is when the process first polls at t or later.
func (sc scene) seen(p process, t int64) int64 {
	return p.from + (max(t-p.from, 0)+sc.poll-1)/sc.poll*sc.poll
}

func unix(after int64) float64 { return float64(t0+after) / 1000 }

// oneNode is a node with one GPU, metered and scraped for hours, at every half minute.
func oneNode(holds ...hold) scene {
	return scene{
		uuids:     []string{"GPU-a"},
		holds:     holds,
		processes: []process{{"10.0.0.1:9400", -5 * hour, 5 * hour}},
		scrapers:  []scraper{{phase: -5*hour + 7*second, interval: 30 * second}},
	}
}

func closed(t testing.TB, m *memory, from, to int64, edit ...func(*gputally.Config)) usage.Hour {
	t.Helper()
	cfg := gputally.Config{Cluster: "c1", Reader: m}
	for _, e := range edit {
		e(&cfg)
	}
	c, err := gputally.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Hour(context.Background(), span(from, to))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// span is a window in ms after t0.
func span(from, to int64) window.Window {
	return window.Window{From: time.UnixMilli(t0 + from).UTC(), To: time.UnixMilli(t0 + to).UTC()}
}

// rows shows the segments in short, times in ms after t0.
type row struct {
	what            string // pod, or state
	from, to        int64
	share           float64
	gpu, estimated  int64
	activity        int64 // active ms
	byteSeconds, mJ int64
}

func rows(h usage.Hour) []row {
	var all []row
	for _, s := range h.Segments {
		what := string(s.State)
		if s.State == usage.Allocated {
			what = s.Pod
		}
		all = append(all, row{what, s.HeldFrom - t0, s.HeldTo - t0, s.Share, s.GPUMillis, s.EstimatedMillis, s.ActiveMillis, s.MemoryByteSeconds, s.EnergyMillijoules})
	}
	return all
}
