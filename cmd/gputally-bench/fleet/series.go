package fleet

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/gputally/gputally/collector/metric"
)

// stale is Prometheus' marker of a series that is shown no more.
var stale = math.Float64frombits(value.StaleNaN)

// job is the collectors' job in Prometheus.
const job = "gputally-collector"

// holdingFamilies are written of each holding. The end comes last: it is not
// there while the holding lasts.
var holdingFamilies = [...]*metric.Family{
	&metric.ContainerAllocatedSeconds, &metric.ContainerActiveSeconds, &metric.ContainerIdleSeconds,
	&metric.ContainerObservedSeconds, &metric.ContainerMemoryByteSeconds, &metric.ContainerEnergy,
	&metric.ContainerShare, &metric.ContainerStartTime, &metric.ContainerEndTime,
}

var nodeFamilies = [...]*metric.Family{&metric.CollectorStartTime, &metric.CollectorPollAge, &metric.NodeInfo}

var states = metric.States()

// perGPU is how many series each GPU has: its states, and its information.
const perGPU = len(states) + 1

// showHolding writes a holding that the collector saw from begin on for some
// time, and that may be over.
func (n *node) showHolding(w *writer, h *holding, begin, seen int64, over bool) {
	held := seen * h.Milli // thousandths × ms
	share, count := float64(h.Milli)/1e3, len(holdingFamilies)-1
	if over {
		share, count = 0, count+1
	}
	values := [len(holdingFamilies)]float64{
		float64(held) / 1e6, float64(held*h.Active) / 1e9, float64(held*h.Idle) / 1e9, float64(held) / 1e6,
		float64(h.Memory) * float64(seen) / 1e3, float64(h.Milliwatts*seen) / 1e6,
		share, float64(begin) / 1e3, float64(h.To) / 1e3,
	}
	for i, v := range values[:count] {
		w.put(&h.series[i], v, func() labels.Labels { return n.holdingLabels(h, i) })
	}
	if h.shown > count { // a new process does not know yet that it is over
		n.endHolding(w, h, count)
	}
	h.shown = count
}

// endHolding marks what is shown of a holding as stale, from one of its series on.
func (n *node) endHolding(w *writer, h *holding, from int) {
	for i := from; i < h.shown; i++ {
		w.put(&h.series[i], stale, func() labels.Labels { return n.holdingLabels(h, i) })
	}
	h.shown = from
}

func (n *node) holdingLabels(h *holding, i int) labels.Labels {
	return n.labels(holdingFamilies[i], h.Namespace, h.Pod, h.PodUID, h.Container, h.UUID)
}

// showGPUs writes the states of the GPUs at the poll at t.
func (n *node) showGPUs(w *writer, t int64, allocated [perNode]int64) {
	for i := range n.gpus {
		observed := (t - n.scraping.process.from) * 1000
		n.putGPU(w, i, [perGPU]float64{float64(allocated[i]) / 1e6, float64(observed-allocated[i]) / 1e6, 0, 0, 1})
	}
}

// putGPU writes a GPU's states and its information.
func (n *node) putGPU(w *writer, i int, values [perGPU]float64) {
	g := &n.gpus[i]
	for k, v := range values {
		w.put(&n.scraping.gpus[i][k], v, func() labels.Labels {
			if k < len(states) {
				return n.labels(&metric.DeviceSeconds, g.uuid, states[k])
			}
			return n.labels(&metric.DeviceInfo, g.uuid, n.name, g.model, g.pciBusID)
		})
	}
}

// showNode writes what the collector says of itself and its node.
func (n *node) showNode(w *writer, t int64) {
	s := &n.scraping
	n.putNode(w, [len(nodeFamilies)]float64{float64(s.process.from) / 1e3, float64(s.at-t) / 1e3, 1})
}

func (n *node) putNode(w *writer, values [len(nodeFamilies)]float64) {
	for i, v := range values {
		w.put(&n.scraping.node[i], v, func() labels.Labels {
			if nodeFamilies[i] == &metric.NodeInfo {
				return n.labels(nodeFamilies[i], n.name, "570.133.20", "12.8", "kubelet", metric.ActivityProcesses)
			}
			return n.labels(nodeFamilies[i])
		})
	}
}

func (n *node) upLabels() labels.Labels { return n.target("up") }

// target is a series of the node's target.
func (n *node) target(name string, more ...string) labels.Labels {
	return labels.FromStrings(append(more, "__name__", name, "instance", n.name, "job", job)...)
}

// labels names a series of a family by the values of its labels.
func (n *node) labels(f *metric.Family, values ...string) labels.Labels {
	more := make([]string, 0, 2*len(values)+6)
	for i, v := range values {
		more = append(more, f.Labels[i], v)
	}
	return n.target(f.Name, more...)
}
