package meter_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// crowd is a node with 8 GPUs of 25 slots each and 200 containers; of them 20
// come and go each minute.
type crowd struct {
	now     time.Time
	offered map[string][]string
	held    []device.Allocation
	pods    int
	joules  float64
}

func newCrowd() *crowd {
	c := &crowd{now: origin, offered: map[string][]string{}}
	for g := range 8 {
		for s := range 25 {
			id := fmt.Sprintf("GPU-%08x-5b1e-4c77-9d0a-3f6c1e2b4a59::%d", g, s)
			c.offered["nvidia.com/gpu"] = append(c.offered["nvidia.com/gpu"], id)
			c.held = append(c.held, c.pod(id))
		}
	}
	return c
}

func (c *crowd) pod(id string) device.Allocation {
	c.pods++
	return device.Allocation{Resource: "nvidia.com/gpu", Devices: []string{id}, Holder: device.Holder{
		Namespace: fmt.Sprintf("team-%d", c.pods%20), Pod: fmt.Sprintf("train-%d", c.pods), Container: "main",
		PodUID: fmt.Sprintf("%08x-0000-4d1b-8f0e-2a7b9c6d5e4f", c.pods),
	}}
}

// second lets a second pass; each third one, a container ends and another begins.
func (c *crowd) second() {
	c.now = c.now.Add(time.Second)
	c.joules += 500
	if c.now.Unix()%3 == 0 {
		i := c.pods % len(c.held)
		c.held[i] = c.pod(c.held[i].Devices[0])
	}
}

func (c *crowd) Inventory(context.Context) (device.Inventory, error) {
	var inv device.Inventory
	for g := range 8 {
		d := gpu(fmt.Sprintf("GPU-%08x-5b1e-4c77-9d0a-3f6c1e2b4a59", g), 0.5, c.joules)
		d.Minor, d.Reading.Running = g, []device.Process{}
		for s := range 25 {
			h := c.held[g*25+s].Holder
			d.Reading.Running = append(d.Reading.Running, device.Process{
				PID: 1 + g*25 + s, Utilization: ptr(0.02), MemoryUsed: ptr(1 << 30),
				Owner: device.Owner{PodUID: h.PodUID, Container: h.Container},
			})
		}
		d.Reading.Processes = len(d.Reading.Running)
		inv.GPUs = append(inv.GPUs, d)
	}
	return inv, nil
}

func (c *crowd) Owners(*device.Inventory) {}

func (c *crowd) Holders(context.Context) (device.Holders, error) {
	return device.Holders{Allocations: c.held, Offered: c.offered}, nil
}

// BenchmarkDay polls a crowded node each second of a simulated day. The heap
// after the day must be that after its first hour.
func BenchmarkDay(b *testing.B) {
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / (1 << 20)
	}
	for b.Loop() {
		c := newCrowd()
		loop, err := meter.NewLoop(meter.LoopConfig{Source: c, Registry: c, Owners: c, Now: func() time.Time { return c.now }})
		if err != nil {
			b.Fatal(err)
		}
		var first float64
		const day, hour = 24 * 3600, 3600
		begin := time.Now()
		for s := range day {
			if err := loop.Poll(b.Context()); err != nil {
				b.Fatal(err)
			}
			if s == hour {
				first = heap()
			}
			c.second()
		}
		took := time.Since(begin)
		last := heap()
		if n := len(loop.Latest().Holdings); n < 380 || n > 420 {
			b.Fatalf("%d holdings, want 200 and those that ended within ten minutes", n)
		}
		if last > first+1 {
			b.Errorf("the heap grew from %.2f to %.2f MiB", first, last)
		}
		b.ReportMetric(first, "MiB/hour1")
		b.ReportMetric(last, "MiB/day")
		b.ReportMetric(float64(took.Microseconds())/day, "µs/poll")
	}
}
