package simulate

import (
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

// Validate checks that the script could happen: GPUs have UUIDs of their own,
// times run forward, no GPU is held beyond its whole, and none twice by the same
// holder. It returns all that is wrong at once; a hold that makes no sense by
// itself does not count in the sums.
func (n *Node) Validate() error {
	var errs []error
	uuids := make(map[string]bool, len(n.GPUs))
	for i, g := range n.GPUs {
		if g.UUID == "" || uuids[g.UUID] {
			errs = append(errs, fmt.Errorf("GPU %d: UUID %q is empty or another GPU's", i, g.UUID))
		}
		uuids[g.UUID] = true
	}
	changes := make([][]change, len(n.GPUs))
	for i := range n.Holds {
		h := &n.Holds[i]
		if err := h.check(len(n.GPUs)); err != nil {
			errs = append(errs, fmt.Errorf("hold %d of node %s: %w", i, n.Name, err))
			continue
		}
		changes[h.GPU] = append(changes[h.GPU], change{h.From, h, true}, change{h.To, h, false})
	}
	for g, cs := range changes {
		if err := follow(cs); err != nil {
			errs = append(errs, fmt.Errorf("GPU %s of node %s: %w", n.GPUs[g].UUID, n.Name, err))
		}
	}
	return errors.Join(errs...)
}

// check returns what is wrong with the hold by itself.
func (h *Hold) check(gpus int) error {
	var errs []error
	if h.GPU < 0 || h.GPU >= gpus {
		errs = append(errs, fmt.Errorf("there is no GPU %d", h.GPU))
	}
	if h.Milli < 1 || h.Milli > 1000 {
		errs = append(errs, fmt.Errorf("%d thousandths of a GPU", h.Milli))
	}
	if !h.From.Before(h.To) {
		errs = append(errs, fmt.Errorf("ends %s, not after it begins %s", h.To, h.From))
	}
	return errors.Join(errs...)
}

// change is one end of a hold.
type change struct {
	at     time.Time
	hold   *Hold
	begins bool
}

// follow goes through the ends of a GPU's holds in the order of time, to the
// first instant at which they can't be together. Holds that end at an instant
// make room for those that begin at it.
func follow(cs []change) error {
	slices.SortStableFunc(cs, func(a, b change) int {
		if c := a.at.Compare(b.at); c != 0 || a.begins == b.begins {
			return c
		}
		if b.begins {
			return -1
		}
		return 1
	})
	held := 0
	holders := map[device.Holder]bool{}
	for _, c := range cs {
		if !c.begins {
			held -= c.hold.Milli
			delete(holders, c.hold.Holder)
			continue
		}
		if held += c.hold.Milli; held > 1000 {
			return fmt.Errorf("held beyond its whole at %s", c.at.UTC())
		}
		if holders[c.hold.Holder] {
			return fmt.Errorf("held twice by %s/%s at %s", c.hold.Holder.Namespace, c.hold.Holder.Pod, c.at.UTC())
		}
		holders[c.hold.Holder] = true
	}
	return nil
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
