package meter_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

const gpuResource = "nvidia.com/gpu"

// liar is a kubelet whose word has an age, and the real client of it. After it has
// restarted it lists some pods only, or none; it lists pods that have completed; and
// its checkpoint is written when somebody begins.
type liar struct {
	fleet       *fleet
	server      *kubelettest.Server
	client      *kubelet.Client // nil while no process asks
	connections int64
	since       time.Time // when it was first asked over the latest of them
	asked       bool      // over that one
	missing     []*tenancy
	completed   []*tenancy
	known       map[*tenancy]bool // to the process, as it was listed once
	written     []*tenancy        // in the checkpoint
	cgroups     bool              // the process sees them
}

func newLiar(t *testing.T, f *fleet) *liar {
	l := &liar{fleet: f, server: kubelettest.New(t), connections: 1, cgroups: f.one(2)}
	l.server.WriteCheckpoint()
	return l
}

// begin is for a process that begins.
func (l *liar) begin(t *testing.T) {
	cfg := kubelet.Config{CheckpointPath: l.server.Checkpoint(), Now: func() time.Time { return l.fleet.clock }}
	if l.cgroups {
		cfg.Pods = l
	}
	l.completed, l.known = nil, map[*tenancy]bool{}
	if !l.cgroups {
		l.missing = nil
	}
	var err error
	if l.client, err = kubelet.NewWith(cfg, l.server.Direct(), func() int64 { return l.connections }); err != nil {
		t.Fatal(err)
	}
}

// lacks is true for a pod that is not listed for now.
func (l *liar) lacks(t *tenancy) bool { return l != nil && slices.Contains(l.missing, t) }

// hides is true for one that was never listed to this process.
func (l *liar) hides(t *tenancy) bool { return l.lacks(t) && !l.known[t] }

// There and Ended are what the cgroups show.
func (l *liar) There(podUID string) (there, known bool) {
	return slices.ContainsFunc(l.fleet.tenancies, func(t *tenancy) bool { return t.holder.PodUID == podUID }), true
}

// Ended is true for a pod that is not there.
func (l *liar) Ended(podUID string) bool {
	there, _ := l.There(podUID)
	return !there
}

// live changes what is not so.
func (l *liar) live() {
	f := l.fleet
	if l.cgroups && f.one(12) { // it restarts
		l.connections++
		l.asked = false
		l.missing = slices.DeleteFunc(slices.Clone(f.tenancies), func(t *tenancy) bool { return !l.known[t] || f.one(4) })
	}
	if l.asked && f.one(4) {
		l.missing = nil
	}
	if n := len(l.completed); n > 0 && f.one(20) {
		l.completed = slices.Delete(l.completed, 0, 1)
	}
}

// ended is for a pod that has ended.
func (l *liar) ended(t *tenancy) {
	l.missing = slices.DeleteFunc(l.missing, func(m *tenancy) bool { return m == t })
	if l.known[t] && l.fleet.one(2) {
		l.completed = append(l.completed, t)
	}
}

// forget drops the completed pods of a card that is cut anew.
func (l *liar) forget(c *card) {
	l.completed = slices.DeleteFunc(l.completed, func(t *tenancy) bool { return t.card == c })
}

// Holders is what the client makes of it.
func (l *liar) Holders(ctx context.Context) (device.Holders, error) {
	f := l.fleet
	if f.kubeletFails {
		return device.Holders{}, errDown
	}
	if !l.asked {
		l.asked, l.since = true, f.clock
	}
	if f.clock.Sub(l.since) > 8*time.Second { // it has heard from the API server
		l.missing = nil
	}
	for _, t := range l.completed {
		t.over = t.over || l.cgroups || slices.ContainsFunc(f.tenancies, func(n *tenancy) bool { return n.cell.id == t.cell.id })
	}
	l.write()
	var pods []kubelettest.Pod
	if len(l.missing) == 0 { // that of the process itself
		pods = append(pods, kubelettest.Pod{Namespace: "ns", Name: "collector", Containers: []kubelettest.Container{{Name: "main"}}})
	}
	for _, t := range f.tenancies {
		if !slices.Contains(l.missing, t) {
			l.known[t] = true
			pods = append(pods, t.pod())
		}
	}
	for _, t := range l.completed {
		pods = append(pods, t.pod())
	}
	l.server.SetPods(pods...)
	var ids []string
	for _, c := range f.cards {
		if !c.refused {
			for _, x := range c.cells() {
				ids = append(ids, x.id)
			}
		}
	}
	l.server.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: ids})
	_, before := l.server.Calls()
	h, err := l.client.Holders(ctx)
	if _, after := l.server.Calls(); after > before {
		f.offer()
	}
	return h, err
}

// write writes the checkpoint if somebody began. Completed pods go from it when their
// device is given to another.
func (l *liar) write() {
	all := slices.Clone(l.fleet.tenancies)
	for _, t := range l.completed {
		if !t.over {
			all = append(all, t)
		}
	}
	began := slices.ContainsFunc(all, func(t *tenancy) bool { return !slices.Contains(l.written, t) })
	if !began && (len(all) >= len(l.written) || !l.fleet.one(4)) {
		return
	}
	pods := make([]kubelettest.Pod, 0, len(all))
	for _, t := range all {
		pods = append(pods, t.pod())
	}
	l.server.WriteCheckpoint(pods...)
	l.written = all
}

func (t *tenancy) pod() kubelettest.Pod {
	return kubelettest.GPUs(t.holder.Namespace, t.holder.Pod, t.holder.PodUID, t.cell.id)
}
