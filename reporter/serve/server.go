package serve

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/upkeep"
)

// drain is how long requests in flight may take when the process ends, and after
// that the tasks.
const drain = 5 * time.Second

// Config is what the service works with.
type Config struct {
	Work

	// Load reads the configuration again. Each value of Reload asks for it.
	Load   func(ctx context.Context) (Work, error)
	Reload <-chan os.Signal

	Tick     time.Duration        // between two looks for tasks that are due
	Registry *prometheus.Registry // whose metrics are shown
	Web      *web.FlagConfig      // where and how requests are answered
	Jitter   func() float64       // of pauses, 0 to 1; at random if nil
	Now      func() time.Time
	Log      *slog.Logger
}

// Work is what there is to do, as a configuration says it.
type Work struct {
	Clusters  []Cluster
	Schedules []schedule.Schedule
	Index     *index.Index
	Archive   *archive.Archive
	Maker     *reporting.Maker

	Settle         time.Duration // after an hour's end, for its last samples to arrive
	RestateWithin  time.Duration // after an hour's end, in which it may be restated
	RetainReports  time.Duration // after the end of their period; 0 is for ever
	ReportDeadline time.Duration // after the release of its period, up to which a report waits for clusters that are behind
}

// Cluster is one whose hours are closed and looked after.
type Cluster struct {
	Name    string
	Closing *closing.Cluster
	Upkeep  *upkeep.Cluster
	// Balanced tells whether the cluster's URL leads to replicas that take turns.
	Balanced func(ctx context.Context) bool
	// Within leaves out of hours that are due, oldest first, those for which there is
	// nothing, where they are so many that it is worth to look. Nil: all have something.
	Within func(ctx context.Context, due []closing.Due) ([]closing.Due, error)
}

// Server does what is due and shows what was done.
type Server struct {
	cfg    Config
	status *status.Status
	tasks  atomic.Pointer[tasks]
}

// New returns a server that has done nothing yet.
func New(c Config) *Server {
	s := &Server{cfg: c, status: status.New(nil)}
	s.begin(c.Work)
	return s
}

// begin has the tasks of a configuration, all due, follow those there were.
func (s *Server) begin(w Work) {
	c := s.cfg
	c.Work = w
	names := make([]string, len(w.Clusters))
	for i, of := range w.Clusters {
		names[i] = of.Name
	}
	schedules := make([]string, len(w.Schedules))
	for i, of := range w.Schedules {
		schedules[i] = of.Name
	}
	all := newTasks(c, s.status)
	s.status.Serves(names, schedules, all.runner, c.Now())
	s.tasks.Store(all)
}

// Run works and answers until ctx ends, and lets requests in flight finish. An
// error means that the server can't listen.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.register(); err != nil {
		return err
	}
	worked := make(chan struct{})
	go func() { defer close(worked); s.work(ctx) }()
	err := s.answer(ctx)
	cancel()
	select {
	case <-worked:
	case <-time.After(drain): // whatever is cut off is made up for by the next process
		s.cfg.Log.Warn("Tasks did not end in time", "waited", drain)
	}
	return err
}

// work runs the tasks until ctx ends. After a reload it goes on with those of the
// new configuration.
func (s *Server) work(ctx context.Context) {
	for ctx.Err() == nil {
		running, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); s.tasks.Load().runner.Run(running) }()
		next := s.reloaded(ctx)
		stop()
		<-done
		if next != nil {
			s.begin(*next)
			s.cfg.Log.Info("Read the configuration again", "clusters", len(next.Clusters), "schedules", len(next.Schedules))
		}
	}
}

// reloaded waits for a reload that succeeds and returns what there is to do then,
// nil once ctx has ended. While a configuration is wrong, the one before is kept.
func (s *Server) reloaded(ctx context.Context) *Work {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.cfg.Reload:
		}
		next, err := s.cfg.Load(ctx)
		if err == nil {
			return &next
		}
		s.status.Kept(err)
		s.cfg.Log.Error("The configuration can't be read again, the one before is kept", "err", err)
	}
}
