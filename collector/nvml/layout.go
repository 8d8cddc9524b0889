//go:build linux && cgo

package nvml

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

// layout is what is known of whether this process can follow how a GPU is cut. A
// container has the device files of the MIG instances that there were when it
// started; instances that are made later may need another one.
type layout struct {
	first map[string]bool // UUIDs of the instances at the first listing, nil before
	read  bool            // an instance could be read once
}

// judge says why instances can't be followed any more that a new container might
// see, "" if nothing speaks for that. ret is how the listing ended.
func (l *layout) judge(parts []part, ret nvml.Return, instances []device.MIGInstance) string {
	if ret != nvml.SUCCESS {
		if l.first == nil {
			return "" // it never could
		}
		return fmt.Sprintf("MIG instances can't be listed: %v", down(ret))
	}
	if l.first == nil {
		l.first = make(map[string]bool, len(parts))
		for _, p := range parts {
			l.first[p.UUID] = true
		}
	}
	for _, m := range instances {
		l.read = l.read || m.Reading.MemoryUsed != nil
	}
	for i, m := range instances {
		if l.read && parts[i].forbidden && !l.first[m.UUID] {
			return fmt.Sprintf("MIG instance %s may not be read", m.UUID)
		}
	}
	return ""
}
