package fleet

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Teams is the number of namespaces, team-00 and so on.
const Teams = 60

// What the pods are like.
const (
	shortest = 10 * time.Second
	pause    = 73 * time.Minute // mean time between two pods on a lane
)

// What goes wrong.
const (
	outagesPerDay  = 0.05 // of scrapes, per node
	shortestOutage = 2 * time.Minute
	longestOutage  = 8 * time.Minute // shorter than an ended series lingers
	restartsPerDay = 0.05            // of the collector, per node
	longestRestart = 20 * time.Second
)

var models = [...]string{"NVIDIA H200", "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB"}

// node is a node with all that happens to it.
type node struct {
	name      string
	gpus      [perNode]gpu
	holdings  []holding // by start
	offset    int64     // of its scrapes, ms
	outages   []span    // of its scrapes
	processes []span    // lives of its collector
	scraping  scraping
}

type gpu struct{ uuid, model, pciBusID string }

// span is [from, to) in Unix ms.
type span struct{ from, to int64 }

func (s span) has(t int64) bool { return s.from <= t && t < s.to }

// holding is a Holding with what is written of it.
type holding struct {
	Holding
	gpu    int // number in the node
	series [len(holdingFamilies)]ref
	shown  int // how many of its series the latest scrape showed
}

func newNode(cfg Config, number int) *node {
	r := rand.New(rand.NewPCG(cfg.Seed, uint64(number)))
	n := &node{
		name:   fmt.Sprintf("gpu-node-%05d", number),
		offset: r.Int64N(cfg.Scrape.Milliseconds()),
	}
	model := models[number%len(models)]
	for i := range n.gpus {
		n.gpus[i] = gpu{"GPU-" + newUUID(r), model, fmt.Sprintf("00000000:%02X:00.0", 0x18+16*i)}
	}
	from, to := cfg.From.UnixMilli(), cfg.To.UnixMilli()
	first := 0
	for _, width := range cfg.Lanes[r.IntN(len(cfg.Lanes))] {
		gpus, parts := max(width, 1), max(-width, 1)
		l := lane{first: first, gpus: gpus, milli: 1000 / int64(parts), longest: cfg.Longest}
		for range parts {
			n.fill(r, span{from, to}, l)
		}
		first += gpus
	}
	slices.SortFunc(n.holdings, func(a, b holding) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.gpu, b.gpu), cmp.Compare(a.PodUID, b.PodUID))
	})
	n.mishaps(r, span{from, to})
	return n
}

// lane is a row of GPUs, or a part of one, that one pod holds after the other.
type lane struct {
	first, gpus int // numbers in the node
	milli       int64
	longest     time.Duration
}

// fill puts pod after pod on a lane, from long before the history, so that it
// begins with long pods in the midst of their lives, to its end.
func (n *node) fill(r *rand.Rand, history span, l lane) {
	at := history.from - 2*l.longest.Milliseconds()
	for at < history.to {
		life := float64(shortest.Milliseconds()) * math.Pow(float64(l.longest)/float64(shortest), r.Float64())
		from, to := at, at+int64(life)
		at = to + int64(r.ExpFloat64()*float64(pause.Milliseconds()))
		h := holding{Holding: Holding{
			Namespace: fmt.Sprintf("team-%02d", r.IntN(Teams)), Pod: "job-" + randomText(r, 10) + "-" + randomText(r, 5),
			PodUID: newUUID(r), Container: "main", From: from, To: to, Milli: l.milli,
			Active: r.Int64N(901), Idle: r.Int64N(100), Memory: (1 + r.Int64N(60)) << 30, Milliwatts: 150_000 + r.Int64N(500_000),
		}}
		if to <= history.from-linger {
			continue
		}
		for i := range l.gpus {
			h.gpu = l.first + i
			h.UUID = n.gpus[h.gpu].uuid
			n.holdings = append(n.holdings, h)
		}
	}
}

// mishaps makes scrapes fail and the collector die now and then.
func (n *node) mishaps(r *rand.Rand, history span) {
	const day = 24 * time.Hour
	each := func(perDay float64, hit func(at int64)) {
		mean := float64(day.Milliseconds()) / perDay
		for at := history.from; ; {
			if at += int64(r.ExpFloat64() * mean); at >= history.to {
				return
			}
			hit(at)
		}
	}
	each(outagesPerDay, func(at int64) {
		length := shortestOutage.Milliseconds() + r.Int64N((longestOutage - shortestOutage).Milliseconds())
		n.outages = append(n.outages, span{at, at + length})
	})
	alive := span{history.from - day.Milliseconds() - r.Int64N(day.Milliseconds()), math.MaxInt64}
	each(restartsPerDay, func(at int64) {
		if at <= alive.from {
			return // it is down already
		}
		alive.to = at
		n.processes = append(n.processes, alive)
		alive = span{at + 1 + r.Int64N(longestRestart.Milliseconds()), math.MaxInt64}
	})
	n.processes = append(n.processes, alive)
}

// process is the collector's process that answers at t, if there is one.
func (n *node) process(t int64) (span, bool) {
	for _, o := range n.outages {
		if o.has(t) {
			return span{}, false
		}
	}
	for _, p := range n.processes {
		if p.has(t) {
			return p, true
		}
	}
	return span{}, false
}

func newUUID(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// randomText is of the letters that Kubernetes takes for names.
func randomText(r *rand.Rand, length int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[r.IntN(len(letters))]
	}
	return string(text)
}
