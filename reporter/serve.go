package reporter

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// DefaultAddress is where serve listens.
const DefaultAddress = ":9836"

// drain is how long requests in flight may take when the process ends.
const drain = 5 * time.Second

func addServe(app *kingpin.Application) (string, command) {
	c := app.Command("serve", "Close each hour as it settles, make the scheduled reports, and serve /metrics, /healthz and a status page.")
	tick := c.Flag("tick", "How often to look for work.").Default("30s").Duration()
	flags := kingpinflag.AddFlags(flagsOf{c}, DefaultAddress)
	return c.FullCommand(), func(ctx context.Context, env *environment) error {
		if *tick < time.Second {
			return usageError{fmt.Errorf("--tick: %s is too short; at least 1s", *tick)}
		}
		cfg, b, err := load(ctx, env)
		if err != nil {
			return err
		}
		s := &server{
			rounds: newRounds(b, cfg.Schedules, env.log), registry: env.registry, tick: *tick, flags: flags, log: env.log,
		}
		return s.serve(ctx)
	}
}

// flagsOf lets the toolkit add its flags to one command only.
type flagsOf struct{ *kingpin.CmdClause }

// server looks for work and shows what was done.
type server struct {
	rounds   *rounds
	registry *prometheus.Registry
	tick     time.Duration
	flags    *web.FlagConfig
	log      *slog.Logger
}

// serve works and answers until ctx ends.
func (s *server) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handler, err := handler(s.registry, s.rounds.board)
	if err != nil {
		return err
	}
	web := &webServer{http: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}, flags: s.flags, log: s.log}
	worked := make(chan struct{})
	go func() { defer close(worked); s.work(ctx) }()
	err = web.run(ctx)
	cancel()
	<-worked
	return err
}

// work looks for work at once and then every tick.
func (s *server) work(ctx context.Context) {
	ticker := time.NewTicker(s.tick)
	defer ticker.Stop()
	for {
		s.rounds.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// webServer answers until its context ends, then lets requests in flight finish.
type webServer struct {
	http  *http.Server
	flags *web.FlagConfig
	log   *slog.Logger
}

func (w *webServer) run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- web.ListenAndServe(w.http, w.flags, w.log) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		return w.http.Shutdown(down)
	}
}

func handler(reg *prometheus.Registry, board *board) (http.Handler, error) {
	for _, c := range []prometheus.Collector{
		board,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("gputally_reporter"),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		// A closing may be slow; hours behind are told by the metrics.
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /{$}", board.page())
	return mux, nil
}
