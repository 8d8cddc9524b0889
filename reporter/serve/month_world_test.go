package serve_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/serve"
	sources "github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// world is some time of a service with clusters and schedules, some of which fail.
type world struct {
	begin, restart, end time.Time // the process is replaced once
	clusters            []string
	dead                string        // cluster whose server is away
	away                window.Window // when that is
	damaged             []damagedHour
	plans               []plan
	samples             time.Duration // how long servers keep samples
	// hangs is nil, or blocks for as long as the server does not answer.
	hangs func(ctx context.Context, cluster string, hour window.Window)

	mu         sync.Mutex
	closing    int // sources that are being read
	mostAtOnce int
	tries      map[string]int // of damaged hours
}

// damagedHour is one that a cluster's source can't make anything of until it heals;
// with the zero time it never does.
type damagedHour struct {
	cluster string
	hour    window.Window
	heals   time.Time
}

const (
	worldSettle   = 10 * time.Minute
	worldDeadline = 6 * time.Hour
	worldMinimum  = 0.99
	worldPartial  = 48 * time.Hour
)

// plan is a schedule in parts, which the expectation understands.
type plan struct {
	name         string
	zone         *time.Location
	period       string
	hour, minute int // when the line fires: daily, on Mondays, or on the first
	by           []string
}

func (p plan) schedule(t *testing.T) schedule.Schedule {
	t.Helper()
	days := map[string]string{"day": "* * *", "week": "* * MON", "month": "1 * *"}
	s, err := schedule.Parse(schedule.Definition{
		Name: p.name, Cron: fmt.Sprintf("%d %d %s", p.minute, p.hour, days[p.period]), TimeZone: p.zone.String(), Period: p.period, GroupBy: p.by,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// plans are n schedules of all kinds.
func plans(t *testing.T, n int, periods ...string) (all []plan) {
	t.Helper()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Asia/Kathmandu"}
	groups := [][]string{{"namespace"}, {"project"}, {"department", "project"}, {"cluster"}, {"node_pool", "namespace"}}
	for i := range n {
		zone, err := time.LoadLocation(zones[i%len(zones)])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, plan{
			name: fmt.Sprintf("schedule-%d", i), zone: zone, period: periods[i%len(periods)],
			hour: 4 + i%3, minute: 7 * i % 60, by: groups[i/len(periods)%len(groups)],
		})
	}
	return all
}

// source is the server of a cluster.
type simulatedSource struct {
	world   *world
	cluster string
}

func (s simulatedSource) Close(ctx context.Context, hour window.Window, n usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	defer s.world.reads()()
	now := time.Now()
	if s.cluster == s.world.dead && s.world.away.Contains(now) {
		return usage.Hour{}, after(ctx, time.Minute, away(s.cluster)(s.cluster, hour))
	}
	if s.world.hangs != nil {
		s.world.hangs(ctx, s.cluster, hour)
	}
	if err := after(ctx, 20*time.Second, nil); err != nil {
		return usage.Hour{}, err
	}
	if hour.From.Before(s.world.begin) || now.Sub(hour.To) > s.world.samples {
		return usage.Hour{}, fmt.Errorf("close %s: %w", hour, sources.ErrNoData)
	}
	for _, d := range s.world.damaged {
		if d.cluster == s.cluster && d.hour == hour && (d.heals.IsZero() || now.Before(d.heals)) {
			s.world.tried(d)
			return usage.Hour{}, errors.New("two samples at one time")
		}
	}
	return source{cluster: s.cluster}.Close(ctx, hour, n, emit)
}

func (simulatedSource) Hour(_ context.Context, w window.Window) (usage.Hour, error) {
	return usage.Hour{}, fmt.Errorf("read %s: %w", w, sources.ErrNoData)
}

// after takes a while, unless it is interrupted.
func after(ctx context.Context, d time.Duration, err error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return err
	}
}

// reads counts how many sources are read at once.
func (w *world) reads() (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing++
	w.mostAtOnce = max(w.mostAtOnce, w.closing)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.closing--
	}
}

func (w *world) tried(d damagedHour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tries == nil {
		w.tries = map[string]int{}
	}
	w.tries[d.hour.String()]++
}

// process is a new process that serves the bucket, as cmd wires it.
func (w *world) process(t *testing.T, b bucket.Bucket) *serve.Server {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	clock := func() time.Time { return time.Now().UTC() }
	projects, err := quota.New(nil, []quota.Project{{Name: "seeing", Department: "research", Namespaces: quota.Always("vision")}})
	if err != nil {
		t.Fatal(err)
	}
	x, l := index.New(b, index.Config{Clock: clock}), ledger.New(b, ledger.Config{Now: clock})
	c := serve.Config{
		Work: serve.Work{
			Index: x, Archive: archive.New(archive.Config{Bucket: b, Index: x, Projects: projects, Clock: clock}),
			Settle: worldSettle, RestateWithin: 7 * 24 * time.Hour, ReportDeadline: worldDeadline,
		},
		Tick: 30 * time.Second, Registry: prometheus.NewRegistry(), Now: clock, Log: log,
	}
	for _, p := range w.plans {
		c.Schedules = append(c.Schedules, p.schedule(t))
	}
	read := map[string]reporting.Source{}
	for _, name := range w.clusters {
		s := simulatedSource{w, name}
		read[name] = s
		c.Clusters = append(c.Clusters, serve.Cluster{
			Name: name,
			Closing: closing.New(closing.Config{
				Name: name, Source: s, Ledger: l, Index: x, Settle: c.Settle, RestateWithin: c.RestateWithin, Now: clock, Log: log,
			}),
			Upkeep:   upkeep.New(upkeep.Config{Name: name, Ledger: l, Index: x, PartialAfter: worldPartial, Now: clock}),
			Balanced: func(context.Context) bool { return false },
		})
	}
	c.Maker = reporting.New(reporting.Config{
		Sources: read, Ledger: l, Index: x, Projects: projects, MinimumCoverage: worldMinimum, Now: clock,
	})
	return serve.New(c)
}
