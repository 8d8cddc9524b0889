package attribution_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

// node is a random node: what the driver and the kubelet say of it need not fit.
type node struct {
	inv     device.Inventory
	holders device.Holders
}

func drawNode(t *rapid.T) node {
	var n node
	ids := []string{"GPU-unknown", "0000:3b:00.0", "nvidia9", "MIG-unknown::1"}
	for i := range rapid.IntRange(0, 3).Draw(t, "GPUs") {
		g := device.GPU{UUID: fmt.Sprintf("GPU-%d", i), Minor: i, ComputeSlices: rapid.SampledFrom([]int{7, 4, 0}).Draw(t, "slices of the GPU")}
		ids = append(ids, g.UUID, fmt.Sprintf("nvidia%d", i))
		for j := range rapid.IntRange(0, 3).Draw(t, "instances") {
			m := device.MIGInstance{
				UUID:            fmt.Sprintf("MIG-%d-%d", i, j),
				GPUInstance:     rapid.IntRange(0, 2).Draw(t, "gi"),
				ComputeInstance: j,
				ComputeSlices:   rapid.IntRange(-1, 8).Draw(t, "slices"),
			}
			g.MIG = append(g.MIG, m)
			ids = append(ids, m.UUID, fmt.Sprintf("nvidia%d/gi%d", i, m.GPUInstance), fmt.Sprintf("MIG-GPU-%d/%d/%d", i, m.GPUInstance, j))
		}
		for s := range 4 {
			ids = append(ids, fmt.Sprintf("GPU-%d::%d", i, s), fmt.Sprintf("nvidia%d/vgpu%d", i, s), fmt.Sprintf("MIG-%d-0::%d", i, s))
		}
		n.inv.GPUs = append(n.inv.GPUs, g)
	}
	some := rapid.SliceOfN(rapid.SampledFrom(ids), 0, 5)
	resource := rapid.SampledFrom([]string{"nvidia.com/gpu", "nvidia.com/gpu.shared"})
	draw := func(label string) []device.Allocation {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) device.Allocation {
			name := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "pod")
			if rapid.IntRange(0, 3).Draw(t, "DRA") == 0 {
				c := share(rapid.SampledFrom([]string{"c", "d"}).Draw(t, "claim"), rapid.SampledFrom([]string{"", "", "half", "quarter-1", "unknown"}).Draw(t, "share"), some.Draw(t, "CDI")...)
				namespace := rapid.SampledFrom([]string{"team", "team", "monitoring", "ops"}).Draw(t, "namespace")
				return in(namespace, through(name, rapid.SampledFrom([]string{"main", "sidecar"}).Draw(t, "container"), c))
			}
			return device.Allocation{Holder: pod(name), Resource: resource.Draw(t, "resource"), Devices: some.Draw(t, "devices")}
		}), 0, 6).Draw(t, label)
	}
	n.holders.Allocations = draw("allocations")
	if rapid.Bool().Draw(t, "unclear") {
		n.holders.Withheld = draw("withheld")
	}
	n.holders.Ambiguous = len(n.holders.Withheld)
	if rapid.Bool().Draw(t, "unknown names") {
		n.holders.Unknown = draw("unknown")
	}
	n.holders.Offered = map[string][]string{}
	for range rapid.IntRange(0, 2).Draw(t, "resources") {
		n.holders.Offered[resource.Draw(t, "offering")] = rapid.SliceOfN(rapid.SampledFrom(ids), 0, 20).Draw(t, "offered")
	}
	return n
}

// shuffled is the same node in another order.
func (n node) shuffled(t *rapid.T) node {
	shuffle := func(in []device.Allocation) []device.Allocation {
		out := rapid.Permutation(in).Draw(t, "order")
		for i := range out {
			out[i].Devices = rapid.Permutation(out[i].Devices).Draw(t, "order of devices")
		}
		return out
	}
	m := node{holders: device.Holders{
		Allocations: shuffle(n.holders.Allocations),
		Withheld:    shuffle(n.holders.Withheld),
		Unknown:     shuffle(n.holders.Unknown),
		Ambiguous:   n.holders.Ambiguous,
		Offered:     map[string][]string{},
	}}
	m.inv.GPUs = rapid.Permutation(n.inv.GPUs).Draw(t, "order of GPUs")
	for i := range m.inv.GPUs {
		m.inv.GPUs[i].MIG = rapid.Permutation(m.inv.GPUs[i].MIG).Draw(t, "order of instances")
	}
	for resource, ids := range n.holders.Offered {
		m.holders.Offered[resource] = rapid.Permutation(ids).Draw(t, "order of offers")
	}
	return m
}

func TestSharesAreNeverInvented(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		got := attribution.New(byCDI()).Resolve(n.inv, n.holders)
		sum, holders := map[string]float64{}, map[string]int{}
		for _, h := range got.Holdings {
			if h.Share <= 0 || h.Share > 1 {
				t.Fatalf("share %v of %+v", h.Share, h)
			}
			if got.Unattributed[h.UUID] == 1 {
				t.Fatalf("holding %+v on a GPU that is nobody's", h)
			}
			sum[h.UUID] += h.Share
			holders[h.UUID]++
		}
		for uuid, share := range got.Unattributed {
			if share <= 0 || share > 1 {
				t.Fatalf("unattributed share %v of %s", share, uuid)
			}
			sum[uuid] += share
		}
		for uuid, s := range sum {
			if s > 1+1e-9 {
				t.Fatalf("shares of %s sum to %v", uuid, s)
			}
		}
		for _, h := range got.Holdings {
			if h.Sole && (holders[h.UUID] != 1 || got.Unattributed[h.UUID] > 0) {
				t.Fatalf("%+v is sole among %d", h, holders[h.UUID])
			}
		}
		if !slices.IsSorted(got.Unresolved) || !slices.IsSortedFunc(got.Holdings, func(a, b device.Holding) int {
			return slices.Compare(
				[]string{a.UUID, a.Holder.Namespace, a.Holder.Pod, a.Holder.PodUID, a.Holder.Container},
				[]string{b.UUID, b.Holder.Namespace, b.Holder.Pod, b.Holder.PodUID, b.Holder.Container})
		}) {
			t.Fatalf("not sorted: %+v", got)
		}
	})
}

func TestEveryHeldIDIsAccountedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		got := attribution.New(byCDI()).Resolve(n.inv, n.holders)
		told := map[string]bool{} // GPUs that the result says something of
		for _, h := range got.Holdings {
			told[h.UUID] = true
		}
		for uuid := range got.Unattributed {
			told[uuid] = true
		}
		for _, a := range append(slices.Clone(n.holders.Allocations), n.holders.Withheld...) {
			ids := slices.Clone(a.Devices)
			for _, c := range a.Claims {
				if !slices.Contains(got.Admins, c.Of()) && !slices.Contains(got.Unresolved, "gpu.nvidia.com/node-1/gpu-0") {
					ids = append(ids, c.CDI...)
				}
			}
			for _, id := range ids {
				if slices.Contains(got.Unresolved, id) {
					continue
				}
				if !slices.ContainsFunc(n.inv.GPUs, func(g device.GPU) bool { return told[g.UUID] && answersTo(g, id) }) {
					t.Fatalf("%s is held, and neither a holding nor unattributed nor unresolved: %+v", id, got)
				}
			}
		}
	})
}

// answersTo finds the GPU of an id by its numbers, without the parser.
func answersTo(g device.GPU, id string) bool {
	var i int
	for _, form := range []string{"GPU-%d", "MIG-%d", "MIG-GPU-%d", "nvidia%d"} {
		if _, err := fmt.Sscanf(id, form, &i); err == nil {
			return g.Minor == i
		}
	}
	return false
}

func TestOrderOfTheInputChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNode(t)
		want := attribution.New(byCDI()).Resolve(n.inv, n.holders)
		m := n.shuffled(t)
		got := attribution.New(byCDI()).Resolve(m.inv, m.holders)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("-in order +shuffled\n%s", d)
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	var inv device.Inventory
	h := device.Holders{Offered: map[string][]string{}}
	for g := range 8 {
		uuid := fmt.Sprintf("GPU-5f2a1c34-9b1e-4f6d-8a77-0c1d2e3f4a%02d", g)
		inv.GPUs = append(inv.GPUs, device.GPU{UUID: uuid, Model: "NVIDIA H200", Minor: g})
		for i, id := range slots(uuid, 48) {
			h.Offered[gpuResource] = append(h.Offered[gpuResource], id)
			h.Allocations = append(h.Allocations, holds(fmt.Sprintf("pod-%d-%d", g, i), id))
		}
	}
	r := attribution.New(attribution.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if got := r.Resolve(inv, h); len(got.Holdings) != 8*48 {
			b.Fatalf("%d holdings", len(got.Holdings))
		}
	}
}
