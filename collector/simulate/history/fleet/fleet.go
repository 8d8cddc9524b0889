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
	Seed     uint64
}

func (c *Config) defaults() error {
	if c.Scrape == 0 {
		c.Scrape = 30 * time.Second
	}
	switch {
	case c.GPUs < perNode || c.GPUs%perNode != 0:
		return fmt.Errorf("fleet: %d GPUs: nodes have %d each", c.GPUs, perNode)
	case !c.From.Before(c.To):
		return errors.New("fleet: the range is empty")
	case c.Scrape < time.Second:
		return fmt.Errorf("fleet: %s between scrapes is less than a poll", c.Scrape)
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
