package exporter

import (
	"slices"
	"strconv"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
)

// Identity is what the exporter shows of its node that is not in the snapshot.
type Identity struct {
	Node        string
	Attribution string // how holders are found: "kubelet" or "none"
	// Activity is how the activity of each holder of a shared GPU is found: "none",
	// "processes" or "split".
	Activity string
	Interval time.Duration // between polls; 0 if there is none
}

// named is how many are shown of the device ids that nobody knows, and of the pods in
// dispute: a device plugin of an unknown kind may hand out any number of ids, and any
// number of pods may name one claim.
const named = 20

// Emit takes one series: its family, its value, and the values of the family's
// labels in order. The slice is reused after the call.
type Emit func(f *metric.Family, value float64, labels []string)

// Walk renders the snapshot at time now, series by series, in a fixed order:
// families may interleave, series of one family come sorted. It is the one
// place that says which series there are; Exporter and simulated histories both
// use it.
func Walk(s *meter.Snapshot, id Identity, now time.Time, emit Emit) {
	w := walker{emit: emit, id: id}
	w.node(s, now)
	for i := range s.Devices {
		w.device(&s.Devices[i])
	}
	for i := range s.Holdings {
		w.holding(&s.Holdings[i])
	}
}

type walker struct {
	emit Emit
	id   Identity
	buf  [6]string
}

func (w *walker) put(f *metric.Family, v float64, labels ...string) {
	w.emit(f, v, append(w.buf[:0], labels...))
}

// known emits v unless it is unknown.
func (w *walker) known(f *metric.Family, v *float64, labels ...string) {
	if v != nil {
		w.put(f, *v, labels...)
	}
}

func (w *walker) node(s *meter.Snapshot, now time.Time) {
	w.put(&metric.NodeInfo, 1, w.id.Node, s.Driver.Version, s.Driver.CUDA, w.id.Attribution, w.id.Activity)
	w.put(&metric.CollectorStartTime, unix(s.Start))
	w.put(&metric.CollectorPollAge, max(0, now.Sub(s.Taken).Seconds()))
	if w.id.Interval > 0 {
		w.put(&metric.CollectorPollInterval, w.id.Interval.Seconds())
	}
	w.put(&metric.CollectorPolls, float64(s.Polls))
	w.put(&metric.CollectorReleased, bit(slices.ContainsFunc(s.Sources, func(h meter.SourceHealth) bool { return h.Released })))
	if s.Nameless != nil {
		w.put(&metric.CollectorNameless, float64(*s.Nameless))
	}
	w.put(&metric.CollectorUnresolved, float64(len(s.Unresolved)))
	for _, id := range s.Unresolved[:min(len(s.Unresolved), named)] {
		w.put(&metric.CollectorUnresolvedInfo, 1, id)
	}
	w.put(&metric.CollectorAmbiguous, float64(s.Ambiguous))
	w.put(&metric.CollectorAdminClaims, float64(s.Admins))
	w.put(&metric.CollectorDisputes, float64(len(s.Disputes)))
	for _, d := range s.Disputes[:min(len(s.Disputes), named)] {
		w.put(&metric.CollectorDisputeInfo, 1, d.Namespace, d.Pod, d.UUID, d.Reason)
	}
	if s.Estimated > 0 {
		w.put(&metric.CollectorEstimated, float64(s.Estimated))
	}
	w.put(&metric.CollectorUnobservedSeconds, s.Unobserved.Seconds())
	for _, c := range s.Impossible {
		w.put(&metric.CollectorImpossible, float64(c.Count), c.Kind)
	}
	known := 0
	for i := range s.Holdings {
		if s.Holdings[i].ActivityKnown {
			known++
		}
	}
	w.put(&metric.CollectorActivityKnown, float64(known))
	for _, h := range s.Sources {
		w.put(&metric.CollectorSourceUp, bit(h.Up), h.Name)
		w.put(&metric.CollectorSourceFailures, float64(h.Failures), h.Name)
		if h.Name != meter.SourceCheckpoint && h.Name != meter.SourceCgroup { // read along with the kubelet
			w.put(&metric.CollectorSourceDuration, h.Duration.Seconds(), h.Name)
		}
	}
}

func (w *walker) device(d *meter.Device) {
	g := &d.GPU
	if d.Current {
		w.put(&metric.DeviceInfo, 1, g.UUID, w.id.Node, g.Model, g.PCIBusID)
		for i := range g.MIG {
			w.instance(g, &g.MIG[i])
		}
		r := &g.Reading
		w.put(&metric.DeviceUp, bit(r.Up), g.UUID)
		w.known(&metric.DeviceUtilization, r.Utilization, g.UUID)
		w.known(&metric.DeviceMemoryUsed, r.MemoryUsed, g.UUID)
		w.known(&metric.DeviceMemoryTotal, r.MemoryTotal, g.UUID)
		w.known(&metric.DevicePower, r.Power, g.UUID)
		w.known(&metric.DeviceTemperature, r.Temperature, g.UUID)
		if d.Offered != nil {
			w.put(&metric.DeviceOffered, bit(*d.Offered), g.UUID)
		}
		if d.Others != nil {
			w.put(&metric.DeviceStrangers, float64(*d.Others), g.UUID)
		}
		w.known(&metric.DeviceSMActive, r.SM, g.UUID)
		w.known(&metric.DeviceTensorActive, r.Tensor, g.UUID)
		w.known(&metric.DeviceDRAMActive, r.DRAM, g.UUID)
		if r.Health != nil {
			w.health(g.UUID, r.Health)
		}
	}
	for _, x := range g.XIDs {
		w.put(&metric.DeviceXIDErrors, float64(x.Count), g.UUID, strconv.FormatUint(x.Code, 10))
	}
	w.put(&metric.DeviceSeconds, d.States.Allocated, g.UUID, metric.StateAllocated)
	w.put(&metric.DeviceSeconds, d.States.Unallocated, g.UUID, metric.StateUnallocated)
	w.put(&metric.DeviceSeconds, d.States.Unattributed, g.UUID, metric.StateUnattributed)
	w.put(&metric.DeviceSeconds, d.States.Unavailable, g.UUID, metric.StateUnavailable)
	w.known(&metric.DeviceActiveSeconds, d.Active, g.UUID)
	w.known(&metric.DeviceEnergy, d.Energy, g.UUID)
}

func (w *walker) instance(g *device.GPU, m *device.MIGInstance) {
	w.put(&metric.MIGInstanceInfo, 1, m.UUID, g.UUID, m.Profile)
	r := m.Reading
	if r == nil {
		return
	}
	w.known(&metric.MIGInstanceUtilization, r.Utilization, m.UUID)
	w.known(&metric.MIGInstanceMemoryUsed, r.MemoryUsed, m.UUID)
	w.known(&metric.MIGInstanceMemoryTotal, r.MemoryTotal, m.UUID)
	w.known(&metric.MIGInstanceSMActive, r.SM, m.UUID)
	w.known(&metric.MIGInstanceTensorActive, r.Tensor, m.UUID)
	w.known(&metric.MIGInstanceDRAMActive, r.DRAM, m.UUID)
}

func (w *walker) holding(h *meter.Holding) {
	put := func(f *metric.Family, v float64) {
		w.put(f, v, h.Holder.Namespace, h.Holder.Pod, h.Holder.PodUID, h.Holder.Container, h.UUID)
	}
	put(&metric.ContainerAllocatedSeconds, h.Allocated)
	put(&metric.ContainerStartTime, unix(h.Start))
	if !h.End.IsZero() {
		put(&metric.ContainerEndTime, unix(h.End))
	}
	put(&metric.ContainerShare, h.Share)
	put(&metric.ContainerActiveSeconds, h.Active)
	put(&metric.ContainerIdleSeconds, h.Idle)
	put(&metric.ContainerObservedSeconds, h.Observed)
	if h.MemoryUsed != nil {
		put(&metric.ContainerMemoryUsed, *h.MemoryUsed)
	}
	if h.MemoryByteSeconds != nil {
		put(&metric.ContainerMemoryByteSeconds, *h.MemoryByteSeconds)
	}
	if h.Energy != nil {
		put(&metric.ContainerEnergy, *h.Energy)
	}
}

// unix is t in seconds, exact to the millisecond.
func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
