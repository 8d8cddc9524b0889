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
	ExitDriverChanged = 3 // the driver was replaced under the process; a restart heals it
)

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, nvml.ErrDriverChanged):
		return ExitDriverChanged
	default:
		return ExitFailure
	}
}

// Attribution modes, the values of --attribution and of the metric label.
const (
	attributionKubelet = "kubelet"
	attributionNone    = "none"
)

// Run parses the process' arguments, meters, and serves until ctx ends.
func Run(ctx context.Context) error {
	app := kingpin.New("gputally-collector", "Meters the GPU-seconds of containers on one Kubernetes node and exposes them to Prometheus.")
	f := addFlags(app)
	loops := make(chan *meter.Loop, 1)
	toolkit := bootstrap.New(bootstrap.Config{
		App:            app,
		Name:           "gputally-collector",
		Description:    "GPU-seconds per container, to the second.",
		DefaultAddress: ":9835",
		LandingConfig: web.LandingConfig{
			Links: []web.LandingLinks{
				{Address: "/healthz", Text: "Health: the meter ticks"},
				{Address: "/readyz", Text: "Readiness: there is a snapshot"},
			},
		},
		MetricsHandlerFactory: func(b *bootstrap.Bootstrap) (http.Handler, error) {
			loop, handler, err := f.build(b)
			if err != nil {
				return nil, err
			}
			loops <- loop
			return handler, nil
		},
	})
	served := make(chan error, 1)
	go func() { served <- toolkit.Run() }()
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

type flags struct {
	node        *string
	attribution *string
	interval    *time.Duration
	maxGap      *time.Duration
	library     *string
	callTimeout *time.Duration
	socket      *string
	checkpoint  *string
	resources   *[]string
}

func addFlags(app *kingpin.Application) *flags {
	host, _ := os.Hostname() // "" is refused below
	return &flags{
		node: app.Flag("node", "Name of this node, as Kubernetes knows it.").
			Envar("NODE_NAME").Default(host).String(),
		attribution: app.Flag("attribution", "How containers are found: kubelet (pod-resources), or none on a machine without Kubernetes.").
			Default(attributionKubelet).Enum(attributionKubelet, attributionNone),
		interval: app.Flag("meter.interval", "Time between polls of the driver and the kubelet.").
			Default("1s").Duration(),
		maxGap: app.Flag("meter.max-gap", "Longest time between polls that is charged to what was seen last.").
			Default("10s").Duration(),
		library: app.Flag("nvml.library", "Path of libnvidia-ml.so.1, where the loader does not find it.").
			Default("").String(),
		callTimeout: app.Flag("nvml.timeout", "Time after which a driver call counts as hanging and its GPU as down.").
			Default("2s").Duration(),
		socket: app.Flag("kubelet.socket", "Pod-resources socket of the kubelet.").
			Default(kubelet.DefaultSocket).String(),
		checkpoint: app.Flag("kubelet.checkpoint", "Device checkpoint of the kubelet, from which pod UIDs are read; empty to do without.").
			Default(kubelet.DefaultCheckpoint).String(),
		resources: app.Flag("kubelet.resource", "Extended resources that are GPUs, as patterns; repeatable.").
			Default("nvidia.com/*").Strings(),
	}
}

// build makes the loop and the handler of /metrics from the parsed flags.
func (f *flags) build(b *bootstrap.Bootstrap) (*meter.Loop, http.Handler, error) {
	if *f.node == "" {
		return nil, nil, errors.New("--node: the host has no name; set --node or NODE_NAME")
	}
	if *f.interval < 100*time.Millisecond {
		return nil, nil, fmt.Errorf("--meter.interval: %s is too short; at least 100ms", *f.interval)
	}
	if *f.maxGap < 2**f.interval {
		return nil, nil, fmt.Errorf("--meter.max-gap: %s must be at least twice --meter.interval (%s)", *f.maxGap, *f.interval)
	}
	source, err := nvml.New(nvml.Config{Logger: b.Logger, LibraryPath: *f.library, CallTimeout: *f.callTimeout})
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
	b.Handle("/healthz", healthz(loop, *f.interval, time.Now))
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
