package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// Node is a scripted node.
type Node struct {
	Name  string
	GPUs  []GPU
	Holds []Hold
}

// GPU is a scripted physical GPU.
type GPU struct {
	UUID        string
	Model       string
	MemoryBytes float64
	IdleWatts   float64
	PeakWatts   float64
}

// Hold says that a container holds a part of one GPU in [From, To).
type Hold struct {
	Holder device.Holder
	GPU    int // index in Node.GPUs
	Milli  int // thousandths of the GPU, 1 to 1000
	From   time.Time
	To     time.Time
}

// Validate checks that the script could happen: known GPUs, times that run
// forward, and no GPU held beyond its whole.
func (n *Node) Validate() error {
	type change struct {
		at    int64
		delta int
	}
	changes := make([][]change, len(n.GPUs))
	var errs []error
	for i, h := range n.Holds {
		switch {
		case h.GPU < 0 || h.GPU >= len(n.GPUs):
			errs = append(errs, fmt.Errorf("hold %d: node %s has no GPU %d", i, n.Name, h.GPU))
			continue
		case h.Milli < 1 || h.Milli > 1000:
			errs = append(errs, fmt.Errorf("hold %d: %d thousandths of a GPU", i, h.Milli))
		case !h.From.Before(h.To):
			errs = append(errs, fmt.Errorf("hold %d: ends %s, not after it begins %s", i, h.To, h.From))
		}
		changes[h.GPU] = append(changes[h.GPU], change{h.From.UnixNano(), h.Milli}, change{h.To.UnixNano(), -h.Milli})
	}
	for g, cs := range changes {
		slices.SortFunc(cs, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.delta, b.delta)) })
		held := 0
		for _, c := range cs {
			if held += c.delta; held > 1000 {
				errs = append(errs, fmt.Errorf("GPU %s is held beyond its whole at %s", n.GPUs[g].UUID, time.Unix(0, c.at).UTC()))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// NewGPU returns a GPU of a model with the memory and power of its kind.
func NewGPU(uuid, model string) GPU {
	g := GPU{UUID: uuid, Model: model, MemoryBytes: 32 << 30, IdleWatts: 40, PeakWatts: 300}
	switch model {
	case "NVIDIA H200":
		g.MemoryBytes, g.IdleWatts, g.PeakWatts = 141<<30, 75, 700
	case "NVIDIA A100-SXM4-80GB":
		g.MemoryBytes, g.IdleWatts, g.PeakWatts = 80<<30, 60, 400
	case "NVIDIA L40S":
		g.MemoryBytes, g.IdleWatts, g.PeakWatts = 48<<30, 35, 350
	case "T4", "NVIDIA T4":
		g.MemoryBytes, g.IdleWatts, g.PeakWatts = 16<<30, 10, 70
	}
	return g
}
