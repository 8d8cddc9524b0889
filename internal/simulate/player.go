package simulate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// loadPeriod is how long a container's load stays the same.
const loadPeriod = 10 * time.Minute

// Player plays a node's script forward in time. It is not safe for concurrent use.
type Player struct {
	node   *Node
	seed   uint64
	order  []int // holds by start
	next   int   // first of order that has not begun
	at     time.Time
	change time.Time // next instant at which anything changes
	active []int     // holds that are on, in the order of the holdings
	gpus   []gpuState
	// holdings are never changed once handed out.
	holdings []device.Holding
}

type gpuState struct {
	utilization float64
	used        float64 // bytes
	power       float64 // watts
	joules      float64
	holders     int
}

// Play returns a player that stands at time at. The seed picks the loads.
func Play(n *Node, at time.Time, seed uint64) *Player {
	p := &Player{node: n, seed: seed, at: at, gpus: make([]gpuState, len(n.GPUs))}
	for i := range n.Holds {
		p.order = append(p.order, i)
	}
	// Those that begin together have an order too: sums depend on it in the last bits.
	slices.SortFunc(p.order, func(i, j int) int {
		a, b := &n.Holds[i], &n.Holds[j]
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.GPU, b.GPU), a.Holder.Compare(b.Holder))
	})
	p.turn()
	return p
}

// Advance moves to time t; one that is not later changes nothing.
func (p *Player) Advance(t time.Time) {
	for !p.change.After(t) {
		p.flow(p.change)
		p.turn()
	}
	p.flow(t)
}

// Change is the next instant, after the one at which the player stands, at
// which holders or loads change.
func (p *Player) Change() time.Time { return p.change }

// Holdings are who holds what now, sorted by UUID, namespace, pod, pod UID,
// container. The slice must not be changed.
func (p *Player) Holdings() []device.Holding { return p.holdings }

// Inventory is what the driver says now.
func (p *Player) Inventory() device.Inventory {
	inv := device.Inventory{DriverVersion: "580.95.05", CUDAVersion: "13.0", GPUs: make([]device.GPU, len(p.gpus))}
	for i, spec := range p.node.GPUs {
		s := p.gpus[i]
		temperature := 30 + 45*s.utilization
		total := spec.MemoryBytes
		inv.GPUs[i] = device.GPU{
			UUID: spec.UUID, Model: spec.Model, PCIBusID: busID(i), Minor: i,
			Reading: device.Reading{
				Up: true, Utilization: &s.utilization, MemoryUsed: &s.used, MemoryTotal: &total,
				Power: &s.power, Temperature: &temperature, Energy: &s.joules, Processes: s.holders,
			},
		}
	}
	return inv
}

// flow lets energy flow until t at the present power.
func (p *Player) flow(t time.Time) {
	if !t.After(p.at) {
		return
	}
	d := t.Sub(p.at).Seconds()
	for i := range p.gpus {
		p.gpus[i].joules += p.gpus[i].power * d
	}
	p.at = t
}

// turn takes in what changes at the present instant and finds the next change.
func (p *Player) turn() {
	p.active = slices.DeleteFunc(p.active, func(i int) bool { return !p.node.Holds[i].To.After(p.at) })
	for p.next < len(p.order) && !p.node.Holds[p.order[p.next]].From.After(p.at) {
		if i := p.order[p.next]; p.node.Holds[i].To.After(p.at) {
			p.active = append(p.active, i)
		}
		p.next++
	}
	p.change = p.at.Truncate(loadPeriod).Add(loadPeriod)
	if p.next < len(p.order) {
		p.change = earlier(p.change, p.node.Holds[p.order[p.next]].From)
	}
	for _, i := range p.active {
		p.change = earlier(p.change, p.node.Holds[i].To)
	}
	p.load()
}

// load sets what every GPU does until the next change, and who holds it.
func (p *Player) load() {
	for i := range p.gpus {
		p.gpus[i] = gpuState{joules: p.gpus[i].joules, power: p.node.GPUs[i].IdleWatts}
	}
	period := uint64(p.at.UnixNano() / int64(loadPeriod))
	for _, i := range p.active {
		h := &p.node.Holds[i]
		s, spec := &p.gpus[h.GPU], &p.node.GPUs[h.GPU]
		share := float64(h.Milli) / 1000
		u := share * loadOf(p.seed, h.Holder, period)
		s.holders++
		s.utilization = min(1, s.utilization+u)
		s.used += share * spec.MemoryBytes * (0.3 + 0.6*unit(p.seed, h.Holder, 0))
		s.power += u * (spec.PeakWatts - spec.IdleWatts)
	}
	p.holdings = make([]device.Holding, 0, len(p.active))
	for _, i := range p.active {
		h := &p.node.Holds[i]
		p.holdings = append(p.holdings, device.Holding{
			Holder: h.Holder, UUID: p.node.GPUs[h.GPU].UUID,
			Share: float64(h.Milli) / 1000, Sole: p.gpus[h.GPU].holders == 1,
		})
	}
	slices.SortFunc(p.holdings, func(a, b device.Holding) int {
		return cmp.Or(cmp.Compare(a.UUID, b.UUID), a.Holder.Compare(b.Holder))
	})
}

// loadOf is how busy a container is in a period, 0 to 1: one period in eight
// it idles.
func loadOf(seed uint64, h device.Holder, period uint64) float64 {
	u := unit(seed, h, period+1)
	if u < 0.125 {
		return 0
	}
	return math.Round(u*100) / 100
}

// unit hashes to [0, 1), the same in every process.
func unit(seed uint64, h device.Holder, salt uint64) float64 {
	x := seed ^ salt*0x9e3779b97f4a7c15
	for _, s := range [...]string{h.Namespace, h.Pod, h.PodUID, h.Container} {
		for _, c := range []byte(s) {
			x = (x ^ uint64(c)) * 0x100000001b3
		}
		x = mix(x)
	}
	return float64(mix(x)>>11) / (1 << 53)
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func busID(i int) string {
	const digits = "0123456789abcdef"
	n := i + 10
	return "0000:" + string([]byte{digits[n/16], digits[n%16]}) + ":00.0"
}
