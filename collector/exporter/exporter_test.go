package exporter_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/gputally/gputally/collector/bounds"
	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var origin = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

type fixed struct{ s *meter.Snapshot }

func (f fixed) Latest() *meter.Snapshot { return f.s }

func ptr(v float64) *float64 { return &v }

// node is a snapshot with every kind of series: a GPU that works, one that is
// lost, one that vanished; holdings that are known, shared and ended.
func node() *meter.Snapshot {
	holder := func(pod string) device.Holder {
		return device.Holder{Namespace: "vision", Pod: pod, PodUID: "uid-" + pod, Container: "main"}
	}
	return &meter.Snapshot{
		Start: origin, Taken: origin.Add(90 * time.Second), Polls: 91,
		Driver: meter.Driver{Version: "580.95.05", CUDA: "13.0"},
		Devices: []meter.Device{
			{
				GPU: device.GPU{
					UUID: "GPU-a", Model: "NVIDIA H200", PCIBusID: "0000:0a:00.0",
					MIG: []device.MIGInstance{
						{UUID: "MIG-1", Profile: "1g.18gb", Reading: &device.Reading{
							Up: true, Utilization: ptr(0.75), MemoryUsed: ptr(2 << 30), MemoryTotal: ptr(18 << 30),
							SM: ptr(0.5), Tensor: ptr(0.25), DRAM: ptr(0.125),
						}},
						{UUID: "MIG-2", Profile: "1g.18gb"},
					},
					XIDs: []device.XID{{Code: 79, Count: 2}},
					Reading: device.Reading{
						Up: true, Utilization: ptr(0.5), MemoryUsed: ptr(1 << 30), MemoryTotal: ptr(141 << 30),
						Power: ptr(410.5), Temperature: ptr(61),
						SM: ptr(0.375), Tensor: ptr(0.25), DRAM: ptr(0.125),
						Health: &device.Health{
							ECCCorrected: ptr(12), ECCUncorrected: ptr(1),
							RemappedCorrectable: ptr(2), RemappedUncorrectable: ptr(1), RemapPending: new(true), RemapFailed: new(false),
							Throttled:         device.Throttled{PowerCap: ptr(61.5), SyncBoost: ptr(0), Thermal: ptr(3), HardwareThermal: ptr(0), PowerBrake: ptr(0)},
							NVLinkPayloadSent: ptr(1 << 40), NVLinkPayloadReceived: ptr(1 << 41), NVLinkWireSent: ptr(1 << 42), NVLinkWireReceived: ptr(1 << 43),
							PCIeSent: ptr(1 << 33), PCIeReceived: ptr(1 << 34),
						},
					},
				},
				Current: true,
				Offered: new(false),
				Others:  new(1),
				States:  meter.States{Allocated: 60.5, Unallocated: 29.5},
				Active:  ptr(45.25), Energy: ptr(36000),
			},
			{
				GPU:     device.GPU{UUID: "GPU-b", Model: "NVIDIA H200", PCIBusID: "0000:0b:00.0"},
				Current: true,
				States:  meter.States{Unallocated: 10, Unavailable: 80},
			},
			{GPU: device.GPU{UUID: "GPU-c"}, States: meter.States{Unattributed: 12}},
		},
		Holdings: []meter.Holding{
			{
				Holder: holder("train-0"), UUID: "GPU-a", Start: origin.Add(1500 * time.Millisecond), Share: 1,
				Allocated: 60.5, Active: 45.25, Idle: 3, Observed: 60.5,
				MemoryUsed: ptr(1 << 30), MemoryByteSeconds: ptr(60.5 * (1 << 30)), Energy: ptr(30000), ActivityKnown: true,
			},
			{
				Holder: holder("short"), UUID: "GPU-a", Start: origin.Add(2 * time.Second), End: origin.Add(7 * time.Second),
				Allocated: 5,
			},
		},
		Sources: []meter.SourceHealth{
			{Name: meter.SourceNVML, Up: true, Duration: 3 * time.Millisecond},
			{Name: meter.SourceKubelet, Failures: 2, Duration: 2 * time.Second},
			{Name: meter.SourceCheckpoint, Up: true},
		},
		Disputes: []device.Dispute{{Namespace: "vision", Pod: "eval", UUID: "GPU-c", Reason: device.DisputeClaim}},
		Nameless: new(1), Unresolved: []string{"shared-0-of-4"}, Ambiguous: 1, Unobserved: 1500 * time.Millisecond,
		Impossible: []bounds.Count{{Kind: device.ReadingEnergy, Count: 2}},
	}
}

func collector(s *meter.Snapshot) *exporter.Exporter {
	return exporter.New(fixed{s}, exporter.Identity{Node: "node-1", Attribution: "kubelet", Activity: "processes", Interval: time.Second},
		func() time.Time { return origin.Add(90*time.Second + 250*time.Millisecond) })
}

// render writes what is gathered as text. Gatherers finds what is inconsistent
// and sorts.
func render(t testing.TB, g prometheus.Gatherer) string {
	t.Helper()
	families, err := prometheus.Gatherers{g}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestScrapeRendersTheSnapshot(t *testing.T) {
	t.Parallel()
	got := render(t, collector(node()))
	const golden = "testdata/node.prom"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("scrape differs from %s (-want +got); run go test -update if that is meant:\n%s", golden, diff)
	}
}

func TestScrapeIsLintClean(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(collector(node()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestScrapingChangesNothing(t *testing.T) {
	t.Parallel()
	c := collector(node())
	if first, second := render(t, c), render(t, c); first != second {
		t.Errorf("two scrapes of one snapshot differ:\n%s", cmp.Diff(first, second))
	}
}

func TestANameThatIsNoTextDoesNotSpoilTheScrape(t *testing.T) {
	t.Parallel()
	s := node()
	s.Devices[0].GPU.Model = "NVIDIA \xff\xfe"
	if got := render(t, collector(s)); !strings.Contains(got, "model=\"NVIDIA \uFFFD\"") {
		t.Errorf("the model is not readable in\n%s", got)
	}
}

func TestBeforeTheFirstPollThereIsNothingToShow(t *testing.T) {
	t.Parallel()
	if got := render(t, collector(nil)); got != "" {
		t.Errorf("scrape without a snapshot shows %q", got)
	}
}
