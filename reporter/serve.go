package reporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
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
		s := &server{books: b, schedules: cfg.Schedules, board: newBoard(b.cluster), tick: *tick, now: env.opts.Now, log: env.log}
		return s.serve(ctx, flags)
	}
}

// flagsOf lets the toolkit add its flags to one command only.
type flagsOf struct{ *kingpin.CmdClause }

// server looks for work and shows what was done.
type server struct {
	books     *books
	schedules []schedule.Schedule
	board     *board
	month     month
	tick      time.Duration
	now       func() time.Time
	log       *slog.Logger
}

// serve works and answers until ctx ends.
func (s *server) serve(ctx context.Context, flags *web.FlagConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handler, err := s.handler()
	if err != nil {
		return err
	}
	web := &webServer{http: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}, flags: flags, log: s.log}
	worked := make(chan struct{})
	go func() { defer close(worked); s.work(ctx) }()
	err = web.run(ctx)
	cancel()
	<-worked
	return err
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

func (s *server) handler() (http.Handler, error) {
	reg := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		s.board,
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
	mux.Handle("GET /{$}", s.board.page())
	return mux, nil
}

// work looks for work at once and then every tick.
func (s *server) work(ctx context.Context) {
	ticker := time.NewTicker(s.tick)
	defer ticker.Stop()
	for {
		s.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round closes what has settled and makes the reports that are due. What fails
// is logged, counted, and tried again in the next round.
func (s *server) round(ctx context.Context) {
	s.board.ticked(s.now())
	if err := s.closeDue(ctx); err != nil && ctx.Err() == nil {
		s.board.closeFailed(err)
		s.log.Error("Hours can't be closed; will try again", "cluster", s.books.cluster, "err", err)
	}
	for _, sched := range s.schedules {
		if err := s.reportDue(ctx, sched); err != nil && ctx.Err() == nil {
			s.board.reportFailed(sched.Name, err)
			s.log.Error("A scheduled report can't be made; will try again", "schedule", sched.Name, "err", err)
		}
	}
}

func (s *server) closeDue(ctx context.Context) error {
	from, err := s.books.resume(ctx)
	if err != nil {
		return err
	}
	hours, err := s.books.due(ctx, from)
	if err != nil {
		return err
	}
	for _, hour := range hours {
		began := s.now()
		entry, err := s.books.closeHour(ctx, hour)
		if errors.Is(err, usage.ErrNoData) {
			// Whatever comes later must not wait for it; it is tried again as
			// long as it lies within reach.
			s.board.closeFailed(err)
			s.log.Warn("An hour has no samples", "cluster", s.books.cluster, "hour", hour, "err", err)
			continue
		}
		if err != nil {
			return err
		}
		s.month.restated(hour)
		s.board.closed(entry, s.now().Sub(began))
		s.log.Info("Closed an hour", "cluster", entry.Cluster, "hour", hour, "segments", entry.Rows)
	}
	return s.tally(ctx)
}

// tally brings the figures per project up to the latest closed hour.
func (s *server) tally(ctx context.Context) error {
	last, found, err := s.books.index.LastHour(ctx, s.books.cluster)
	if err != nil || !found {
		return inBucket(err)
	}
	if s.month.until.Equal(last.To) {
		return nil
	}
	figures, err := s.month.figures(ctx, s.books, window.Window{From: last.From, To: last.To})
	if err != nil {
		return err
	}
	s.board.tally(last.To, figures)
	return nil
}

// reportDue makes the reports of one schedule that are due, oldest first.
func (s *server) reportDue(ctx context.Context, sched schedule.Schedule) error {
	since, _, found, err := s.books.closedRange(ctx)
	if err != nil || !found {
		return err
	}
	done, err := s.books.lastDone(ctx, sched.Name)
	if err != nil {
		return err
	}
	by, err := report.ParseGroupBy(strings.Join(sched.GroupBy, ","))
	if err != nil {
		return err
	}
	for _, w := range schedule.Due(sched, done, s.now(), s.books.settle, since) {
		table, err := s.books.report(ctx, report.Spec{
			Name: sched.Name, ID: "new", Window: w, TimeZone: sched.Zone.String(), PeriodKey: window.Key(w, sched.Zone), GroupBy: by,
		}, false, func(window.Window) {})
		if err != nil {
			return err
		}
		p, err := s.books.publish(ctx, table)
		if err != nil {
			return err
		}
		s.board.reported(sched.Name, p)
		s.log.Info("Made a scheduled report", "schedule", sched.Name, "period", table.Spec.PeriodKey, "state", p.Manifest.State)
	}
	return nil
}
