package collector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/exporter-toolkit/bootstrap"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/nvml"
)

// Exit codes of the collector, as documented in the README.
const (
	ExitOK            = 0
	ExitFailure       = 1
	ExitUsage         = 2 // the flags make no sense; a restart doesn't help
	ExitDriverChanged = 3 // the driver was replaced under the process; a restart heals it
)

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrUsage):
		return ExitUsage
	case errors.Is(err, nvml.ErrDriverChanged):
		return ExitDriverChanged
	default:
		return ExitFailure
	}
}

// Run parses the process' arguments, meters, and serves until ctx ends. Its
// error is ErrUsage if it never came to that.
func Run(ctx context.Context) error {
	app := kingpin.New("gputally-collector", "Meters the GPU-seconds of containers on one Kubernetes node and exposes them to Prometheus.")
	app.UsageWriter(os.Stdout) // what was asked for is no error
	f := addFlags(app)
	parsed := false
	nodes := make(chan *node, 1)
	toolkit := bootstrap.New(bootstrap.Config{
		App:            app,
		Name:           "gputally-collector",
		Description:    "GPU-seconds per container, to the second.",
		DefaultAddress: ":9835",
		LandingConfig: web.LandingConfig{
			Profiling: "false", // its links would lead nowhere
			Links: []web.LandingLinks{
				{Address: "/healthz", Text: "Health: the meter ticks"},
				{Address: "/readyz", Text: "Readiness: there is a snapshot"},
			},
		},
		MetricsHandlerFactory: func(b *bootstrap.Bootstrap) (http.Handler, error) {
			if err := f.check(); err != nil {
				return nil, err
			}
			parsed = true
			n, handler, err := f.build(b)
			if err != nil {
				return nil, err
			}
			nodes <- n
			return handler, nil
		},
	})
	served := make(chan error, 1)
	go func() {
		err := toolkit.Run()
		if err != nil && !parsed {
			err = fmt.Errorf("%w: %w (see --help)", ErrUsage, err)
		}
		served <- err
	}()
	select {
	case err := <-served:
		return err // flags, TLS configuration or the listener
	case <-ctx.Done():
		return nil
	case n := <-nodes:
		defer n.close()
		return meterAndServe(ctx, n.loop, served)
	}
}

// meterAndServe ends with the first of the two that ends, and with ctx.
func meterAndServe(ctx context.Context, loop *meter.Loop, served <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	metered := make(chan error, 1)
	go func() { metered <- loop.Run(ctx) }()
	select {
	case err := <-served:
		cancel()
		return errors.Join(fmt.Errorf("serve: %w", err), <-metered)
	case err := <-metered:
		return err
	}
}

// handler serves what the meter knows, and what the process tells of itself.
func (f *flags) handler(b *bootstrap.Bootstrap, loop *meter.Loop) http.Handler {
	id := exporter.Identity{Node: *f.node, Attribution: *f.attribution, Activity: f.activity(), Interval: *f.interval}
	metered := exporter.New(loop, id, time.Now)
	process := prometheus.NewRegistry()
	if !b.DisableExporterMetrics {
		process.MustRegister(
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
			collectors.NewGoCollector(),
			versioncollector.NewCollector("gputally_collector"),
		)
	}
	both := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := metered.Gather()
		if err != nil {
			return nil, err
		}
		others, err := process.Gather()
		return append(families, others...), err
	})
	return promhttp.HandlerFor(both, promhttp.HandlerOpts{Registry: process, CoalesceGather: true})
}
