package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/internal/webserver"
)

// Paths of the probes.
const (
	pathHealth = "/healthz"
	pathReady  = "/readyz"
)

// drain is enough for a scrape, and short of what Kubernetes waits before it kills.
const drain = 5 * time.Second

// server meters and serves.
type server struct {
	loop *meter.Loop
	http *http.Server
	web  *web.FlagConfig
	log  *slog.Logger
	// drain is how long requests in flight may take when the process ends.
	drain time.Duration
}

// server makes the pages of a node and what serves them.
func (f *flags) server(n *node, opts Options) (*server, error) {
	pages, err := f.pages(n.loop, opts.Now)
	if err != nil {
		return nil, err
	}
	s := &server{loop: n.loop, web: f.web, log: n.log, drain: drain, http: webserver.Limit(&http.Server{ //nolint:gosec // has its limits from there
		Handler: webserver.Guard(pages), ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelWarn),
	})}
	if opts.OnListen != nil {
		s.http.BaseContext = func(l net.Listener) context.Context { // called once it listens
			opts.OnListen(l.Addr().String())
			return context.Background()
		}
	}
	return s, nil
}

// run meters and serves until ctx ends, or until one of the two fails. Then it
// lets requests in flight finish.
func (s *server) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	metered, served := make(chan error, 1), make(chan error, 1)
	go func() { metered <- s.loop.Run(ctx) }()
	go func() { served <- web.ListenAndServe(s.http, s.web, s.log) }()
	select {
	case err := <-served: // the web configuration, or the listener
		cancel()
		return errors.Join(fmt.Errorf("serve: %w", err), <-metered)
	case err := <-metered:
		s.shutDown()
		return err
	}
}

// shutDown lets requests in flight finish. What a slow client costs is logged
// only: its scrape is lost, the process has done its work.
func (s *server) shutDown() {
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("A request was cut off at the end", "err", err, "after", s.drain)
		_ = s.http.Close() // closes what is left; the process ends anyway
	}
}

// pages are all that can be asked for over HTTP.
func (f *flags) pages(loop *meter.Loop, now func() time.Time) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle(*f.path, f.metrics(loop, now))
	state := probes{loop, f.patience(), now}
	mux.HandleFunc(pathHealth, state.health)
	mux.HandleFunc(pathReady, state.ready)
	if *f.path == "/" {
		return mux, nil
	}
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name:        name,
		Description: "GPU-seconds per container, to the second.",
		Version:     version.Info(),
		Profiling:   "false", // its links would lead nowhere
		Links: []web.LandingLinks{
			{Address: pathHealth, Text: "Health: the meter ticks"},
			{Address: pathReady, Text: "Readiness: the GPUs are metered"},
			{Address: *f.path, Text: "Metrics"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("landing page: %w", err)
	}
	mux.Handle("/", landing)
	return mux, nil
}

// metrics serves what the meter knows, and what the process knows of itself.
func (f *flags) metrics(loop *meter.Loop, now func() time.Time) http.Handler {
	id := exporter.Identity{Node: *f.node, Attribution: *f.attribution, Activity: f.activity(), Interval: *f.interval}
	metered := exporter.New(loop, id, now)
	process := prometheus.NewRegistry()
	if !*f.bare {
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
	return promhttp.HandlerFor(both, promhttp.HandlerOpts{
		Registry: process, CoalesceGather: true, MaxRequestsInFlight: *f.maxRequests,
	})
}
