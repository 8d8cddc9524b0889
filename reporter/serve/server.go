package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/upkeep"
)

// drain is how long requests in flight may take when the process ends.
const drain = 5 * time.Second

// Config is what the service works with.
type Config struct {
	Clusters  []Cluster
	Schedules []schedule.Schedule
	Index     *index.Index
	Archive   *archive.Archive
	Maker     *reporting.Maker

	Settle        time.Duration // after an hour's end, for its last samples to arrive
	RestateWithin time.Duration // after an hour's end, in which it may be restated
	RetainReports time.Duration // after the end of their period; 0 is for ever
	Tick          time.Duration // between two looks for work

	Registry *prometheus.Registry // whose metrics are shown
	Web      *web.FlagConfig      // where and how requests are answered
	Now      func() time.Time
	Log      *slog.Logger
}

// Cluster is one whose hours are closed and looked after.
type Cluster struct {
	Name    string
	Closing *closing.Cluster
	Upkeep  *upkeep.Cluster
	// Balanced tells whether the cluster's URL leads to replicas that take turns.
	Balanced func(ctx context.Context) bool
}

// Server looks for work and shows what was done.
type Server struct {
	cfg    Config
	status *status.Status
	loop   *loop
}

// New returns a server that has done nothing yet.
func New(c Config) *Server {
	names := make([]string, len(c.Clusters))
	for i, of := range c.Clusters {
		names[i] = of.Name
	}
	shown := status.New(names)
	return &Server{cfg: c, status: shown, loop: newLoop(c, shown)}
}

// Run works and answers until ctx ends, and lets requests in flight finish. An
// error means that the server can't listen.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, err := s.handler()
	if err != nil {
		return err
	}
	worked := make(chan struct{})
	go func() { defer close(worked); s.work(ctx) }()
	err = s.answer(ctx, &http.Server{Handler: answers, ReadHeaderTimeout: time.Minute})
	cancel()
	<-worked
	return err
}

// work looks for work at once and then every tick.
func (s *Server) work(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.Tick)
	defer ticker.Stop()
	for {
		s.loop.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// answer answers requests until ctx ends.
func (s *Server) answer(ctx context.Context, server *http.Server) error {
	served := make(chan error, 1)
	go func() { served <- web.ListenAndServe(server, s.cfg.Web, s.cfg.Log) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		return server.Shutdown(down)
	}
}

func (s *Server) handler() (http.Handler, error) {
	for _, c := range []prometheus.Collector{
		s.status,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("gputally_reporter"),
	} {
		if err := s.cfg.Registry.Register(c); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{Registry: s.cfg.Registry}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		// A closing may be slow; the metrics say which hours are not closed.
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /{$}", s.status)
	return mux, nil
}
