package fleet

import (
	"errors"
	"fmt"
	"time"
)

// perNode is how many GPUs a node has.
const perNode = 8

// Config describes a fleet. The same Config gives the same fleet.
type Config struct {
	GPUs     int           // a multiple of 8
	From, To time.Time     // of the history, whole milliseconds
	Scrape   time.Duration // default 30 s
	Longest  time.Duration // life of a pod, default 60 h
	Lanes    [][]int       // of the nodes, default DefaultLanes
	Seed     uint64
}

// DefaultLanes are those of a fleet with all kinds of jobs. Each node has one of
// the layouts. A lane is a number of GPUs, or below 0 the number of lanes that
// share one GPU.
func DefaultLanes() [][]int {
	return [][]int{{8}, {4, 4}, {2, 2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 1}, {4, 2, 1, 1}, {1, 1, 1, 1, 1, 1, -2, -2}}
}

func (c *Config) defaults() error {
	if c.Scrape == 0 {
		c.Scrape = 30 * time.Second
	}
	if c.Longest == 0 {
		c.Longest = 60 * time.Hour
	}
	if c.Lanes == nil {
		c.Lanes = DefaultLanes()
	}
	switch {
	case c.GPUs < perNode || c.GPUs%perNode != 0:
		return fmt.Errorf("fleet: %d GPUs: nodes have %d each", c.GPUs, perNode)
	case !c.From.Before(c.To):
		return errors.New("fleet: the range is empty")
	case c.Scrape < time.Second:
		return fmt.Errorf("fleet: %s between scrapes is less than a poll", c.Scrape)
	case c.Longest < shortest:
		return fmt.Errorf("fleet: no life is as short as %s", c.Longest)
	}
	return c.checkLanes()
}

func (c *Config) checkLanes() error {
	for _, layout := range c.Lanes {
		gpus := 0
		for _, lane := range layout {
			gpus += max(lane, 1)
		}
		if gpus != perNode {
			return fmt.Errorf("fleet: the lanes %v take %d GPUs, nodes have %d", layout, gpus, perNode)
		}
	}
	return nil
}

// Fleet is a fleet with all that happens to it.
type Fleet struct {
	cfg   Config
	nodes []*node
}

// New makes the fleet up.
func New(cfg Config) (*Fleet, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	f := &Fleet{cfg: cfg}
	for i := range cfg.GPUs / perNode {
		f.nodes = append(f.nodes, newNode(cfg, i))
	}
	return f, nil
}

// Holding is a container on a GPU.
type Holding struct {
	Namespace, Pod, PodUID, Container string
	UUID                              string // of the physical GPU
	From, To                          int64  // Unix ms
	Milli                             int64  // thousandths of the GPU

	Active, Idle int64 // thousandths of the time
	Memory       int64 // bytes in use
	Milliwatts   int64 // drawn
}

// GPU is a physical GPU.
type GPU struct{ UUID, Node, Model string }

// GPUs calls yield with all GPUs, in the order of nodes.
func (f *Fleet) GPUs(yield func(GPU)) {
	for _, n := range f.nodes {
		for _, g := range n.gpus {
			yield(GPU{g.uuid, n.name, g.model})
		}
	}
}

// Held is the truth about the holding in [from, to), in Unix ms: thousandths of
// a GPU × milliseconds.
func (h *Holding) Held(from, to int64) int64 {
	return max(0, min(h.To, to)-max(h.From, from)) * h.Milli
}

// Holdings calls yield with all that is held at some time in [from, to).
func (f *Fleet) Holdings(from, to time.Time, yield func(*Holding)) {
	lo, hi := from.UnixMilli(), to.UnixMilli()
	for _, n := range f.nodes {
		for i := range n.holdings {
			if h := &n.holdings[i].Holding; h.Held(lo, hi) > 0 {
				yield(h)
			}
		}
	}
}
