package exporter_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
)

const document = "../../docs/metrics.md"

// series counts what is shown of a snapshot.
func series(s meter.Snapshot) (n int) {
	exporter.Walk(&s, exporter.Identity{Node: "node-1"}, origin.Add(time.Hour), func(*metric.Family, float64, []string) { n++ })
	return n
}

// thousands writes n, which has at most six digits, with a comma.
func thousands(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }

// The documentation says how many series there are; the full node says so too.
func TestTheNumbersOfSeriesInTheDocumentation(t *testing.T) {
	t.Parallel()
	full := fullNode()
	full.Sources = append(full.Sources, meter.SourceHealth{Name: meter.SourceCheckpoint, Up: true}, meter.SourceHealth{Name: meter.SourceCgroup, Up: true})
	with := func(devices []meter.Device, holdings []meter.Holding) int {
		s := *full
		s.Devices, s.Holdings = devices, holdings
		return series(s)
	}
	cut := full.Devices[0]
	whole, old, split := cut, cut, cut
	whole.GPU.MIG = nil
	old.GPU.MIG = nil
	old.GPU.Reading.SM, old.GPU.Reading.Tensor, old.GPU.Reading.DRAM = nil, nil, nil
	split.GPU.MIG = cut.GPU.MIG[:1:1]
	node := with(nil, nil)
	gpu := with([]meter.Device{whole}, nil) - node
	plain := with([]meter.Device{old}, nil) - node
	instance := with([]meter.Device{split}, nil) - node - gpu
	container := with(nil, full.Holdings[:1]) - node
	content, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("| about the node and the collector | %d |", node),
		fmt.Sprintf("| each physical GPU | %d (%d without", gpu, plain),
		fmt.Sprintf("| each MIG instance | %d (", instance),
		fmt.Sprintf("| each container and GPU that it holds | %d |", container),
		fmt.Sprintf("500 × (%d + 8 × %d + 20 × %d) = %s series", node, gpu, container, thousands(500*(node+8*gpu+20*container))),
		fmt.Sprintf("500 × (%d + 8 × %d + 56 × %d + 20 × %d) = %s.", node, gpu, instance, container, thousands(500*(node+8*gpu+56*instance+20*container))),
	} {
		if !strings.Contains(string(content), want) {
			t.Errorf("%s does not say %q", document, want)
		}
	}
}
