//go:build real

package collector_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/collectortest"
)

// BenchmarkProcess runs the collector for half a minute with a stand-in for the
// driver, on a node of 8 GPUs with 200 containers. One container is replaced each
// three seconds, a scrape is made each 15 s. It reports memory and processor time.
func BenchmarkProcess(b *testing.B) {
	node := nvmltest.Node(8)
	w := collectortest.NewNode(b, node)
	var ids []string
	for _, g := range node.GPUs {
		for s := range 25 {
			ids = append(ids, fmt.Sprintf("%s::%d", g.UUID, s))
		}
	}
	w.Kubelet.SetAllocatable(kubelettest.Devices{Resource: "nvidia.com/gpu", IDs: ids})
	made := 0
	pod := func(id string) kubelettest.Pod {
		made++
		return kubelettest.GPUs("team", fmt.Sprintf("train-%d", made), fmt.Sprintf("%08x-0000-4d1b-8f0e-2a7b9c6d5e4f", made), id)
	}
	var pods []kubelettest.Pod
	for _, id := range ids {
		pods = append(pods, pod(id))
	}
	w.Kubelet.Hold(pods...)
	p := collectortest.Start(b, w.Command(b, built(b)))
	for b.Loop() {
		begin, used := time.Now(), ticks(b, p)
		tick := time.NewTicker(3 * time.Second)
		for i := range 10 {
			<-tick.C
			pods[i*20] = pod(ids[i*20])
			w.Kubelet.Hold(pods...)
			if i%5 == 4 {
				if _, err := p.Get("/metrics"); err != nil {
					b.Fatal(err)
				}
			}
		}
		tick.Stop()
		const perSecond = 100 // clock ticks, USER_HZ of Linux
		b.ReportMetric((ticks(b, p)-used)/perSecond/time.Since(begin).Seconds()*100, "%CPU")
		b.ReportMetric(resident(b, p), "MiB-RSS")
	}
}

func proc(b *testing.B, p *collectortest.Process, name string) string {
	b.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.PID(), name))
	if err != nil {
		b.Fatal(err)
	}
	return string(content)
}

// ticks is the processor time so far, of user and system.
func ticks(b *testing.B, p *collectortest.Process) float64 {
	b.Helper()
	stat := proc(b, p, "stat")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	var sum float64
	for _, f := range fields[11:13] { // the 14th and 15th; two went with the name
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return sum
}

// resident is the memory in use now.
func resident(b *testing.B, p *collectortest.Process) float64 {
	b.Helper()
	_, rest, _ := strings.Cut(proc(b, p, "status"), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
