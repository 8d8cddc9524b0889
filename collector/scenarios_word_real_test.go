//go:build real

package collector_test

import (
	"fmt"
	"testing"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// wordScenarios are about what the kubelet says too late, too long or not at all.
func wordScenarios() map[string]scenario {
	return map[string]scenario{
		"the device plugin is set to 2 slots, and then to 10": slotsOffered(),
	}
}

// offers makes the device plugin cut the first GPU into this many slots.
func offers(slots int) deed {
	return func(_ *testing.T, n *collectortest.Node) {
		var ids []string
		for i := range slots {
			ids = append(ids, fmt.Sprintf("%s::%d", gpu0, i))
		}
		n.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: ids})
	}
}

// atMostOne says that the shares of the first GPU sum to at most 1.
func atMostOne(holders ...[]string) sight {
	return sight{"the shares sum to at most 1", func(s collectortest.Scrape) bool {
		sum := 0.0
		for _, h := range holders {
			sum += s.Value(&metric.ContainerShare, h...)
		}
		return sum <= 1+1e-9
	}}
}

// slotsOffered are those of a device plugin that is set to other numbers while two
// pods run on.
func slotsOffered() scenario {
	first, last := pod("first", gpu0+"::0"), pod("last", gpu0+"::3")
	third, fourth := pod("third", gpu0+"::1"), pod("fourth", gpu0+"::2")
	of0, of3, of1, of2 := container("first", gpu0), container("last", gpu0), container("third", gpu0), container("fourth", gpu0)
	share := func(name string, ratio float64, do deed) step {
		return step{
			name: name, do: do,
			shows: []sight{
				is(ratio, &metric.ContainerShare, of0...), is(ratio, &metric.ContainerShare, of3...), atMostOne(of0, of1, of2, of3),
				hasNo(&metric.ContainerEndTime, of0...), is(0, &metric.CollectorUnresolved),
			},
			grows:  []series{of(seconds, of0...), of(seconds, of3...)},
			stands: []series{of(&metric.DeviceSeconds, gpu0, metric.StateUnattributed)},
		}
	}
	crowded := share("the new slots are held, too", 0.25, held(first, last, third, fourth))
	crowded.shows = append(crowded.shows, is(0.25, &metric.ContainerShare, of1...), is(0.25, &metric.ContainerShare, of2...))
	full := share("ten slots", 0.1, offers(10))
	full.shows = append(full.shows, is(0.1, &metric.ContainerShare, of1...))
	return scenario{
		driver: nvmltest.Node(1), pods: []kubelettest.Pod{first, last},
		steps: []step{
			share("four slots", 0.25, offers(4)),
			share("two slots", 0.5, offers(2)),
			crowded, full,
		},
	}
}
