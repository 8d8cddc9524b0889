package exporter_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
)

// fullNode is a node of 8 GPUs, each cut into 7 MIG instances and held by 25
// containers; all is known of them that can be.
func fullNode() *meter.Snapshot {
	s := &meter.Snapshot{
		Start: origin, Taken: origin.Add(time.Hour), Polls: 3600,
		Driver: meter.Driver{Version: "580.95.05", CUDA: "13.0"}, Nameless: new(0),
		Sources: []meter.SourceHealth{
			{Name: meter.SourceNVML, Up: true, Duration: 3 * time.Millisecond},
			{Name: meter.SourceKubelet, Up: true, Duration: time.Millisecond},
		},
	}
	for g := range 8 {
		uuid := fmt.Sprintf("GPU-%08x-5b1e-4c77-9d0a-3f6c1e2b4a59", g)
		d := meter.Device{
			GPU: device.GPU{
				UUID: uuid, Model: "NVIDIA H200", PCIBusID: fmt.Sprintf("0000:%02x:00.0", g),
				Reading: device.Reading{
					Up: true, Utilization: ptr(0.73), MemoryUsed: ptr(71 << 30), MemoryTotal: ptr(141 << 30),
					Power: ptr(512.25), Temperature: ptr(61), SM: ptr(0.625), Tensor: ptr(0.5), DRAM: ptr(0.25),
				},
			},
			Current: true,
			Offered: new(true),
			Others:  new(0),
			States:  meter.States{Allocated: 3412.837, Unallocated: 187.163},
			Active:  ptr(2491.371), Energy: ptr(1844100.125),
		}
		for m := range 7 {
			d.GPU.MIG = append(d.GPU.MIG, device.MIGInstance{UUID: fmt.Sprintf("MIG-%08x-%04x-4c77-9d0a-3f6c1e2b4a59", g, m), Profile: "1g.18gb", Reading: &device.Reading{
				Up: true, Utilization: ptr(0.5), MemoryUsed: ptr(2 << 30), MemoryTotal: ptr(18 << 30), SM: ptr(0.5), Tensor: ptr(0.25), DRAM: ptr(0.125),
			}})
		}
		s.Devices = append(s.Devices, d)
		for c := range 25 {
			s.Holdings = append(s.Holdings, meter.Holding{
				Holder: device.Holder{
					Namespace: fmt.Sprintf("team-%02d", c), Pod: fmt.Sprintf("train-%d-7d9f8b6c5d-x%04d", g, c),
					PodUID: fmt.Sprintf("%08x-%04x-4d1b-8f0e-2a7b9c6d5e4f", g, c), Container: "main",
				},
				UUID: uuid, Start: origin.Add(1500 * time.Millisecond), Share: 0.04,
				Allocated: 143.94, Active: 99.653, Idle: 10.25, Observed: 143.94,
				MemoryUsed: ptr(2 << 30), MemoryByteSeconds: ptr(143.94 * (2 << 30)), Energy: ptr(73764.125),
				ActivityKnown: true,
			})
		}
	}
	return s
}

// row is one series, ready to be rendered.
type row struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	value  float64
	labels []string
}

// bare renders series that it was given: what client_golang takes by itself.
type bare struct{ rows []row }

func (b bare) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(b, ch) }

func (b bare) Collect(ch chan<- prometheus.Metric) {
	for _, r := range b.rows {
		ch <- prometheus.MustNewConstMetric(r.desc, r.kind, r.value, r.labels...)
	}
}

// strip keeps of a snapshot only its series.
func strip(s *meter.Snapshot) bare {
	var b bare
	descs := map[*metric.Family]*prometheus.Desc{}
	exporter.Walk(s, exporter.Identity{Node: "node-1", Attribution: "kubelet", Activity: "processes"}, origin.Add(time.Hour), func(f *metric.Family, v float64, labels []string) {
		if descs[f] == nil {
			descs[f] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		}
		kind := prometheus.GaugeValue
		if f.Type == metric.Counter {
			kind = prometheus.CounterValue
		}
		b.rows = append(b.rows, row{descs[f], kind, v, append([]string(nil), labels...)})
	})
	return b
}

// body counts the bytes of an answer and keeps nothing.
type body struct {
	header http.Header
	status int
	bytes  int
}

func (b *body) Header() http.Header         { return b.header }
func (b *body) WriteHeader(status int)      { b.status = status }
func (b *body) Write(p []byte) (int, error) { b.bytes += len(p); return len(p), nil }

// costs are of scrapes: how long they took, and the processor time that they
// used, which is the same on a busy machine. size is of each answer, in bytes.
type costs struct {
	took, used []time.Duration
	size       int
}

// scraper renders g through promhttp, as the collector serves it. Each call is
// a scrape.
func scraper(b *testing.B, g prometheus.Gatherer) func(*costs) {
	b.Helper()
	handler := promhttp.HandlerFor(g, promhttp.HandlerOpts{CoalesceGather: true})
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept-Encoding", "gzip") // as Prometheus does
	return func(to *costs) {
		out := &body{header: http.Header{}, status: http.StatusOK}
		begin, before := time.Now(), processorTime(b)
		handler.ServeHTTP(out, request)
		to.took, to.used = append(to.took, time.Since(begin)), append(to.used, processorTime(b)-before)
		to.size = out.bytes
		if out.status != http.StatusOK || out.bytes == 0 {
			b.Fatalf("status %d, %d bytes", out.status, out.bytes)
		}
	}
}

// processorTime is that of this process so far, in user and kernel mode.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// percentile is in milliseconds.
func percentile(of []time.Duration, percent int) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return float64(sorted[(len(sorted)-1)*percent/100].Microseconds()) / 1000
}

// BenchmarkScrape scrapes a full node, as the collector renders it and in turn
// as bare client_golang renders the same series without a snapshot: the least
// that a scrape can take with it. An operation is one of both.
func BenchmarkScrape(b *testing.B) {
	s := fullNode()
	rows := strip(s)
	id := exporter.Identity{Node: "node-1", Attribution: "kubelet", Activity: "processes"}
	ours := scraper(b, exporter.New(fixed{s}, id, func() time.Time { return origin.Add(time.Hour) }))
	reg := prometheus.NewRegistry()
	if err := reg.Register(rows); err != nil {
		b.Fatal(err)
	}
	bare := scraper(b, reg)
	var our, least costs
	for b.Loop() {
		ours(&our)
		bare(&least)
	}
	b.ReportMetric(0, "ns/op") // of both
	b.ReportMetric(float64(len(rows.rows)), "series")
	b.ReportMetric(float64(our.size), "B/scrape")
	b.ReportMetric(percentile(our.took, 50), "p50-ms")
	b.ReportMetric(percentile(our.took, 99), "p99-ms")
	b.ReportMetric(percentile(our.used, 99), "p99-CPU-ms")
	b.ReportMetric(percentile(least.took, 50), "bare-p50-ms")
	b.ReportMetric(percentile(least.took, 99), "bare-p99-ms")
	b.ReportMetric(percentile(least.used, 99), "bare-p99-CPU-ms")
	b.ReportMetric(percentile(our.took, 50)/percentile(least.took, 50), "×bare")
}

func TestTheBareScrapeRendersTheSame(t *testing.T) {
	t.Parallel()
	s := fullNode()
	c := exporter.New(fixed{s}, exporter.Identity{Node: "node-1", Attribution: "kubelet", Activity: "processes"}, func() time.Time { return origin.Add(time.Hour) })
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(strip(s)); err != nil {
		t.Fatal(err)
	}
	if render(t, c) != render(t, reg) {
		t.Error("the two benchmarks compare different things")
	}
}
