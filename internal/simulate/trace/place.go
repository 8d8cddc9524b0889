package trace

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/simulate"
)

// Config of Place.
type Config struct {
	Origin time.Time // the instant at which the trace's clock is 0
	// From and To bound the pods to place: those that would run in [From, To).
	From, To time.Time
	// Hosts to place on; those with the most GPUs first, MaxHosts of them.
	Hosts    []Host
	MaxHosts int
	Seed     uint64 // picks the sub-second phases of the pods' starts
}

// Placement is what became of a trace.
type Placement struct {
	Nodes []simulate.Node
	// Placed are the pods that run, sorted by namespace and name.
	Placed []Placed
	Counts Counts
}

// Placed is a pod with the time for which it really holds its GPUs.
type Placed struct {
	Holder   device.Holder
	GPUs     int
	Milli    int
	From, To time.Time
}

// Counts are the pods that were not placed as the trace has them.
type Counts struct {
	Pods     int // that ask for a GPU, in all
	Outside  int // scheduled, but not in the range
	Pending  int // never scheduled by the trace
	Empty    int // scheduled and deleted in the same second
	Placed   int
	Waited   int // placed later than scheduled, for want of room
	Never    int // that no node is large enough for, or that waited past the range
	TraceGPU time.Duration
	// TraceGPU is the GPU-time that the trace itself claims for the pods placed,
	// within the range, before waiting and sub-second phases.
}

// Place puts pods on GPUs. The same input gives the same placement.
func Place(pods []Pod, cfg Config) (*Placement, error) {
	if !cfg.From.Before(cfg.To) {
		return nil, errors.New("place: the range is empty")
	}
	p := newPlacer(cfg)
	if len(p.gpus) == 0 {
		return nil, errors.New("place: the node list has no node with a GPU")
	}
	for _, pod := range p.arrivals(pods) {
		p.releaseUntil(pod.from)
		p.waiting = append(p.waiting, pod)
		p.admit(pod.from)
	}
	for len(p.running) > 0 && len(p.waiting) > 0 {
		p.releaseUntil(p.running[0].to)
	}
	p.result.Counts.Never += len(p.waiting)
	slices.SortFunc(p.result.Placed, func(a, b Placed) int {
		return cmp.Or(cmp.Compare(a.Holder.Namespace, b.Holder.Namespace), cmp.Compare(a.Holder.Pod, b.Holder.Pod))
	})
	p.result.Counts.Placed = len(p.result.Placed)
	for i := range p.result.Nodes {
		if err := p.result.Nodes[i].Validate(); err != nil {
			return nil, fmt.Errorf("place: %w", err)
		}
	}
	return &p.result, nil
}

// arrival is a pod that wants to run in [from, to).
type arrival struct {
	pod      Pod
	holder   device.Holder
	from, to time.Time
}

// slot is a GPU with the thousandths of it that are free.
type slot struct{ node, gpu, free int }

// run is a pod that holds GPUs until to.
type run struct {
	to    time.Time
	gpus  []int // indices in placer.gpus
	milli int
}

type runs []run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return r[i].to.Before(r[j].to) }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *runs) Push(x any)        { *r = append(*r, x.(run)) }
func (r *runs) Pop() any          { last := (*r)[len(*r)-1]; *r = (*r)[:len(*r)-1]; return last }

type placer struct {
	cfg     Config
	gpus    []slot
	perNode []int // GPUs of each node
	running runs
	waiting []arrival
	result  Placement
}

func newPlacer(cfg Config) *placer {
	hosts := slices.Clone(cfg.Hosts)
	slices.SortStableFunc(hosts, func(a, b Host) int { return cmp.Or(-cmp.Compare(a.GPUs, b.GPUs), cmp.Compare(a.Name, b.Name)) })
	if cfg.MaxHosts > 0 && len(hosts) > cfg.MaxHosts {
		hosts = hosts[:cfg.MaxHosts]
	}
	p := &placer{cfg: cfg}
	for n, h := range hosts {
		node := simulate.Node{Name: h.Name}
		for g := range h.GPUs {
			node.GPUs = append(node.GPUs, simulate.NewGPU(uuid(cfg.Seed, n, g), h.Model))
			p.gpus = append(p.gpus, slot{node: n, gpu: g, free: 1000})
		}
		p.perNode = append(p.perNode, h.GPUs)
		p.result.Nodes = append(p.result.Nodes, node)
	}
	return p
}

// uuid makes up the identity of a GPU, in the driver's form.
func uuid(seed uint64, node, gpu int) string {
	r := rand.New(rand.NewPCG(seed, uint64(node)<<16|uint64(gpu)))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("GPU-%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// arrivals picks the pods of the range, in the order in which they start, each
// with a phase below the trace's resolution of a second.
func (p *placer) arrivals(pods []Pod) []arrival {
	c := &p.result.Counts
	c.Pods = len(pods)
	phases := rand.New(rand.NewPCG(p.cfg.Seed, 1))
	var as []arrival
	for _, pod := range pods {
		start, end := phases.IntN(1000), phases.IntN(1000)
		if pod.Scheduled < 0 {
			c.Pending++
			continue
		}
		from, to := p.at(pod.Scheduled), p.at(pod.Deleted)
		switch {
		case !from.Before(p.cfg.To) || !to.After(p.cfg.From):
			c.Outside++
			continue
		case from.Equal(to):
			c.Empty++
			continue
		}
		claimed := earliest(to, p.cfg.To).Sub(latest(from, p.cfg.From))
		c.TraceGPU += claimed * time.Duration(pod.GPUs*pod.Milli) / 1000
		// A shift of both ends by less than a second; the life stays at least 1 ms.
		from, to = from.Add(millis(start)), to.Add(millis(end))
		as = append(as, arrival{pod: pod, holder: holder(pod), from: from, to: latest(to, from.Add(time.Millisecond))})
	}
	slices.SortStableFunc(as, func(a, b arrival) int {
		return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.pod.Namespace, b.pod.Namespace), cmp.Compare(a.pod.Name, b.pod.Name))
	})
	return as
}

func (p *placer) at(seconds int64) time.Time {
	return p.cfg.Origin.Add(time.Duration(seconds) * time.Second)
}

func holder(pod Pod) device.Holder {
	return device.Holder{Namespace: pod.Namespace, Pod: pod.Name, PodUID: "uid-" + pod.Namespace + "-" + pod.Name, Container: "main"}
}

// releaseUntil frees the GPUs of the pods that end until t, one instant after
// the other, and lets waiting pods in at each.
func (p *placer) releaseUntil(t time.Time) {
	for len(p.running) > 0 && !p.running[0].to.After(t) {
		now := p.running[0].to
		for len(p.running) > 0 && p.running[0].to.Equal(now) {
			r := heap.Pop(&p.running).(run)
			for _, g := range r.gpus {
				p.gpus[g].free += r.milli
			}
		}
		p.admit(now)
	}
}

// admit starts the waiting pods that fit, first come first served; one that
// does not fit doesn't hold up those behind it.
func (p *placer) admit(now time.Time) {
	p.waiting = slices.DeleteFunc(p.waiting, func(a arrival) bool {
		gpus := p.find(a.pod)
		if gpus == nil {
			return false
		}
		from := latest(now, a.from)
		if !from.Before(p.cfg.To) {
			return false
		}
		if from.After(a.from) {
			p.result.Counts.Waited++
		}
		p.start(a, gpus, from, from.Add(a.to.Sub(a.from)))
		return true
	})
}

func (p *placer) start(a arrival, gpus []int, from, to time.Time) {
	for _, g := range gpus {
		s := &p.gpus[g]
		s.free -= a.pod.Milli
		node := &p.result.Nodes[s.node]
		node.Holds = append(node.Holds, simulate.Hold{Holder: a.holder, GPU: s.gpu, Milli: a.pod.Milli, From: from, To: to})
	}
	heap.Push(&p.running, run{to: to, gpus: gpus, milli: a.pod.Milli})
	p.result.Placed = append(p.result.Placed, Placed{Holder: a.holder, GPUs: a.pod.GPUs, Milli: a.pod.Milli, From: from, To: to})
}

// find picks GPUs of one node with room for the pod: the fullest that fit, so
// that whole GPUs stay whole. It returns nil if there are none.
func (p *placer) find(pod Pod) []int {
	var best []int
	bestFree := 0
	first := 0
	for _, count := range p.perNode {
		var fit []int
		free := 0
		for g := first; g < first+count; g++ {
			if p.gpus[g].free >= pod.Milli {
				fit = append(fit, g)
			}
		}
		first += count
		if len(fit) < pod.GPUs {
			continue
		}
		slices.SortStableFunc(fit, func(a, b int) int { return cmp.Compare(p.gpus[a].free, p.gpus[b].free) })
		fit = fit[:pod.GPUs]
		for _, g := range fit {
			free += p.gpus[g].free
		}
		if best == nil || free < bestFree {
			best, bestFree = fit, free
		}
	}
	return best
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
