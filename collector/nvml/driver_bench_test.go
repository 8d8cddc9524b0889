//go:build linux && cgo

package nvml_test

import (
	"errors"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/nvml"
)

// BenchmarkDriver asks the driver of this machine, once a poll as the collector
// does: how long that takes, and the processor time of it, kernel included. It
// is skipped where there is no driver. BenchmarkInventory is our own share.
func BenchmarkDriver(b *testing.B) {
	for _, bc := range []struct {
		name string
		cfg  nvml.Config
	}{
		{"what is always read", nvml.Config{}},
		{"everything", everything("")},
	} {
		b.Run(bc.name, func(b *testing.B) {
			bc.cfg.Logger, bc.cfg.Now, bc.cfg.CallTimeout = slog.New(slog.DiscardHandler), time.Now, time.Minute
			s, err := nvml.New(bc.cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			inv, err := s.Inventory(b.Context())
			if errors.Is(err, nvml.ErrNoDriver) {
				b.Skip(err)
			}
			if err != nil {
				b.Fatal(err)
			}
			tick := time.NewTicker(time.Second) // the driver's buffers and counters want time between
			defer tick.Stop()
			var waited, used time.Duration
			polls := 0
			for b.Loop() {
				<-tick.C
				begin, before := time.Now(), processorTime(b)
				if _, err := s.Inventory(b.Context()); err != nil {
					b.Fatal(err)
				}
				waited, used = waited+time.Since(begin), used+processorTime(b)-before
				polls++
			}
			ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(polls) }
			b.ReportMetric(0, "ns/op") // mostly waiting
			b.ReportMetric(float64(len(inv.GPUs)), "GPUs")
			b.ReportMetric(ms(waited), "ms/poll")
			b.ReportMetric(ms(used), "CPU-ms/poll")
			b.ReportMetric(ms(used)/10, "%CPU-at-1s")
		})
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
