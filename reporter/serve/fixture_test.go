package serve_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/serve"
	sources "github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a typing error in a test
	}
	return t
}

// source is a cluster with one GPU that one pod holds, from an hour on.
type source struct {
	cluster string
	from    time.Time
	idle    int64                                          // milliseconds of each hour in which the GPU is not held
	fault   func(cluster string, hour window.Window) error // nil, or what an hour fails with
}

func (s source) Close(_ context.Context, hour window.Window, _ usage.Neighbours, emit func(usage.Part) error) (usage.Hour, error) {
	if s.fault != nil {
		if err := s.fault(s.cluster, hour); err != nil {
			return usage.Hour{}, err
		}
	}
	if hour.From.Before(s.from) {
		return usage.Hour{}, fmt.Errorf("close %s: %w", hour, sources.ErrNoData)
	}
	millis := hour.Duration().Milliseconds() - s.idle
	h := usage.Hour{Cluster: s.cluster, Window: hour, Source: gputally.Profile, Road: "json", Findings: []usage.Finding{}}
	h.Coverage.Expected, h.Coverage.Allocated, h.Coverage.Unallocated = millis+s.idle, millis, s.idle
	held := usage.Segment{
		Cluster: s.cluster, Node: "node-1", UUID: "GPU-" + s.cluster, Model: "NVIDIA H200", State: usage.Allocated,
		Namespace: "vision", Pod: "train-0", PodUID: "uid-0", Container: "main",
		HeldFrom: hour.From.UnixMilli(), HeldTo: hour.From.UnixMilli() + millis, Share: 1, GPUMillis: millis,
	}
	part := usage.Part{Segments: []usage.Segment{held}}
	if s.idle > 0 {
		part.Segments = append(part.Segments, usage.Segment{
			Cluster: held.Cluster, Node: held.Node, UUID: held.UUID, Model: held.Model, State: usage.Unallocated,
			HeldFrom: held.HeldTo, HeldTo: hour.To.UnixMilli(), Share: 1, GPUMillis: s.idle,
		})
	}
	return h, emit(part)
}

func (s source) Hour(_ context.Context, w window.Window) (usage.Hour, error) {
	return usage.Hour{}, fmt.Errorf("read %s: %w", w, sources.ErrNoData)
}

// replica is a process that serves a bucket.
type replica struct {
	server  *serve.Server
	index   *index.Index
	ledger  *ledger.Ledger
	archive *archive.Archive
	bucket  bucket.Bucket
	hours   map[string]*closing.Cluster
	now     time.Time
	fault   func(cluster string, hour window.Window) error // of the sources
	metrics *prometheus.Registry
	log     *bytes.Buffer
}

// clusters are those of a replica: the ones that have samples, and others.
func clusters(sampled ...string) []source {
	var all []source
	for _, name := range []string{"eu-1", "eu-2", "eu-3"} {
		s := source{cluster: name, from: instant("2027-01-01T00:00:00Z")}
		if slices.Contains(sampled, name) {
			s.from = instant("2026-11-19T00:00:00Z")
		}
		all = append(all, s)
	}
	return all
}

func newReplica(t *testing.T, b bucket.Bucket, now time.Time, sampled ...string) *replica {
	t.Helper()
	return newReplicaOf(t, b, now, func(*serve.Config, *reporting.Config) {}, sampled...)
}

// newStrictReplica has a minimum of coverage.
func newStrictReplica(t *testing.T, b bucket.Bucket, now time.Time, minimum float64, sampled ...string) *replica {
	t.Helper()
	return newReplicaOf(t, b, now, func(_ *serve.Config, m *reporting.Config) { m.MinimumCoverage = minimum }, sampled...)
}

// newReplicaOf has another configuration.
func newReplicaOf(t *testing.T, b bucket.Bucket, now time.Time, change func(*serve.Config, *reporting.Config), sampled ...string) *replica {
	t.Helper()
	return replicaOf(t, b, now, change, clusters(sampled...))
}

// daily is the schedule of a daily report.
func daily(t testing.TB, name string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(schedule.Definition{Name: name, Cron: "0 2 * * *", Period: "day", GroupBy: []string{"namespace"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// replicaOf has these clusters.
func replicaOf(t testing.TB, b bucket.Bucket, now time.Time, change func(*serve.Config, *reporting.Config), clusters []source) *replica {
	t.Helper()
	r := &replica{now: now, bucket: b, hours: map[string]*closing.Cluster{}}
	clock := func() time.Time { return r.now }
	r.metrics, r.log = prometheus.NewRegistry(), &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(r.log, nil))
	r.index = index.New(b, index.Config{Clock: clock})
	r.ledger = ledger.New(b, ledger.Config{Now: clock})
	r.archive = archive.New(archive.Config{Bucket: b, Index: r.index, Clock: clock})
	projects, err := quota.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]reporting.Source{}
	c := serve.Config{
		Work: serve.Work{
			Schedules: []schedule.Schedule{daily(t, "daily")}, Index: r.index,
			Archive: r.archive,
			Settle:  10 * time.Minute, RestateWithin: 7 * 24 * time.Hour, RetainReports: 8 * 24 * time.Hour,
			ReportDeadline: 6 * time.Hour,
		},
		Tick: time.Second, Registry: r.metrics, Jitter: func() float64 { return 0 }, Now: clock, Log: log,
	}
	for _, s := range clusters {
		s.fault = func(cluster string, hour window.Window) error {
			if r.fault == nil {
				return nil
			}
			return r.fault(cluster, hour)
		}
		sources[s.cluster] = s
		r.hours[s.cluster] = closing.New(closing.Config{
			Name: s.cluster, Source: s, Ledger: r.ledger, Index: r.index,
			Settle: c.Settle, RestateWithin: c.RestateWithin, Now: clock, Log: log,
		})
		c.Clusters = append(c.Clusters, serve.Cluster{
			Name: s.cluster, Closing: r.hours[s.cluster],
			Upkeep:   upkeep.New(upkeep.Config{Name: s.cluster, Ledger: r.ledger, Index: r.index, Now: clock}),
			Balanced: func(context.Context) bool { return false },
		})
	}
	made := reporting.Config{Sources: sources, Ledger: r.ledger, Index: r.index, Projects: projects, Now: clock}
	change(&c, &made)
	c.Maker = reporting.New(made)
	r.server = serve.New(c)
	r.server.Register()
	return r
}

// closed returns a bucket in which clusters have closed the hours of a day up to
// 01:00 of the next.
func closed(t *testing.T, now time.Time, names ...string) *buckettest.Counter {
	t.Helper()
	b := buckettest.Count(mem.New(func() time.Time { return now }))
	r := newReplica(t, b, now, names...)
	for _, name := range names {
		for hour := range (window.Window{From: instant("2026-11-19T00:00:00Z"), To: instant("2026-11-20T01:00:00Z")}).Hours() {
			if _, err := r.hours[name].Close(t.Context(), hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.Take()
	return b
}
