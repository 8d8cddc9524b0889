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
	"github.com/prometheus/exporter-toolkit/bootstrap"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/kubelet"
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
	loops := make(chan *meter.Loop, 1)
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
			loop, handler, err := f.build(b)
			if err != nil {
				return nil, err
			}
			loops <- loop
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
	case loop := <-loops:
		return meterAndServe(ctx, loop, served)
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
		return fmt.Errorf("serve: %w", err)
	case err := <-metered:
		return err
	}
}

// build makes the loop and the handler of /metrics from the parsed flags.
func (f *flags) build(b *bootstrap.Bootstrap) (*meter.Loop, http.Handler, error) {
	source, err := nvml.New(nvml.Config{Logger: b.Logger, Now: time.Now, LibraryPath: *f.library, CallTimeout: *f.callTimeout})
	if err != nil {
		return nil, nil, err
	}
	registry, err := f.registry(b)
	if err != nil {
		return nil, nil, err
	}
	loop, err := meter.NewLoop(meter.LoopConfig{
		Source:   source,
		Registry: registry,
		Interval: *f.interval,
		MaxGap:   *f.maxGap,
		Now:      time.Now,
		Logger:   b.Logger,
		Fatal:    func(err error) bool { return errors.Is(err, nvml.ErrDriverChanged) },
	})
	if err != nil {
		return nil, nil, err
	}
	b.Handle("/healthz", healthz(loop, f.patience(), time.Now))
	b.Handle("/readyz", readyz(loop))
	handler, err := f.handler(b, loop)
	return loop, handler, err
}

// registry returns nil, not a typed nil, where holders aren't looked for.
func (f *flags) registry(b *bootstrap.Bootstrap) (device.Registry, error) {
	if *f.attribution == attributionNone {
		return nil, nil
	}
	return kubelet.New(kubelet.Config{
		Socket:         *f.socket,
		CheckpointPath: *f.checkpoint,
		Resources:      *f.resources,
		Timeout:        kubeletTimeout,
		Logger:         b.Logger,
		Now:            time.Now,
	})
}

func (f *flags) handler(b *bootstrap.Bootstrap, loop *meter.Loop) (http.Handler, error) {
	reg := prometheus.NewRegistry()
	id := exporter.Identity{Node: *f.node, Attribution: *f.attribution}
	if err := reg.Register(exporter.New(loop, id, time.Now)); err != nil {
		return nil, err
	}
	if !b.DisableExporterMetrics {
		reg.MustRegister(
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
			collectors.NewGoCollector(),
			versioncollector.NewCollector("gputally_collector"),
		)
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		Registry:       reg,
		CoalesceGather: true,
	}), nil
}
