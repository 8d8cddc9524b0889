package report_test

import (
	"flag"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	h100 = "NVIDIA H100 80GB HBM3"
	t4   = "Tesla T4"
)

var start = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// spec is a report of two hours.
func spec(groupBy ...report.Dimension) report.Spec {
	return report.Spec{
		Name: "showback", ID: "r1", PeriodKey: "2026-11-20", TimeZone: "Europe/Berlin",
		Window:  window.Window{From: start, To: start.Add(2 * time.Hour)},
		GroupBy: groupBy, Clusters: []string{"eu-1"}, MinimumCoverage: 0.99,
	}
}

func book(t testing.TB, allowed ...string) *price.Book {
	t.Helper()
	b, err := price.New("EUR", []price.Rate{
		{Model: "*H100*", GPUHour: decimal.RequireFromString("2.499999999")},
		{Model: "*H100*", NodePool: "spot", GPUHour: decimal.RequireFromString("0.7"), To: start.Add(90 * time.Minute)},
		{Model: "*H100*", NodePool: "spot", GPUHour: decimal.RequireFromString("0.9"), From: start.Add(90 * time.Minute)},
	}, allowed)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func projects(t testing.TB) *quota.Projects {
	t.Helper()
	p, err := quota.New(
		[]quota.NodePool{{Name: "spot", Nodes: []string{"spot-*"}}, {Name: "base", Nodes: []string{"*"}}},
		[]quota.Project{
			{Name: "vision", Department: "research", Namespaces: []string{"vision-*"}, Quotas: []quota.Quota{{NodePool: "base", DeservedMilli: 1000}}},
			{Name: "speech", Department: "research", Namespaces: []string{"speech"}, Quotas: []quota.Quota{{DeservedMilli: 500}}},
			{Name: "idle", Namespaces: []string{"idle"}, Quotas: []quota.Quota{{NodePool: "base", DeservedMilli: 2000}}},
			{Name: "ops", Namespaces: []string{"kube-system"}},
		})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// held is a tenant's segment, in minutes of an hour.
func held(hour int, node, uuid, model, namespace, pod string, from, to int64) usage.Segment {
	base := start.Add(time.Duration(hour) * time.Hour).UnixMilli()
	ms := (to - from) * 60_000
	return usage.Segment{
		Cluster: "eu-1", Node: node, UUID: uuid, Model: model, State: usage.Allocated,
		Namespace: namespace, Pod: pod, PodUID: pod + "-uid", Container: "main",
		HeldFrom: base + from*60_000, HeldTo: base + to*60_000, Share: 1,
		GPUMillis: ms, ActiveMillis: ms / 2, IdleMillis: ms / 8, ObservedMillis: ms,
		MemoryByteSeconds: ms * 40_000_000, EnergyMillijoules: ms * 300,
	}
}

// other is a stretch of a GPU's time in a state that knows no tenant.
func other(hour int, node, uuid, model string, state usage.State, from, to int64) usage.Segment {
	s := held(hour, node, uuid, model, "", "", from, to)
	return usage.Segment{
		Cluster: s.Cluster, Node: node, UUID: uuid, Model: model, State: state, Share: 1,
		HeldFrom: s.HeldFrom, HeldTo: s.HeldTo, GPUMillis: s.GPUMillis, EnergyMillijoules: s.GPUMillis * 60,
	}
}

// hour closes an hour: what its segments add up to is what was expected.
func hour(n int, segs ...usage.Segment) report.Hour {
	h := report.Hour{Revision: 1, SHA256: "00"}
	h.Cluster, h.Window, h.Source, h.Road = "eu-1", window.Hour(start.Add(time.Duration(n)*time.Hour)), "gputally", "remote_read"
	h.Segments = segs
	for _, s := range segs {
		h.Coverage.Expected += s.GPUMillis
	}
	return h
}

// fleet is two hours of three GPUs.
func fleet() []report.Hour {
	estimated := held(0, "base-1", "GPU-a", h100, "vision-dev", "train-0", 0, 60)
	estimated.EstimatedMillis = 60_000
	return []report.Hour{
		hour(0,
			estimated,
			held(0, "base-1", "GPU-b", h100, "vision-dev", "train-1", 15, 45),
			other(0, "base-1", "GPU-b", h100, usage.Unallocated, 0, 15),
			other(0, "base-1", "GPU-b", h100, usage.Unavailable, 45, 60),
			held(0, "spot-1", "GPU-c", h100, "speech", "asr", 0, 60),
		),
		hour(1,
			held(1, "base-1", "GPU-a", h100, "vision-dev", "train-0", 0, 20),
			other(1, "base-1", "GPU-a", h100, usage.Unattributed, 20, 60),
			held(1, "base-1", "GPU-b", h100, "lost-and-found", "shell", 0, 60),
			held(1, "spot-1", "GPU-c", h100, "speech", "asr", 0, 59),
			other(1, "spot-1", "GPU-c", h100, usage.Uncovered, 59, 60),
		),
	}
}

func stream(hours []report.Hour) iter.Seq2[report.Hour, error] {
	return func(yield func(report.Hour, error) bool) {
		for _, h := range hours {
			if !yield(h, nil) {
				return
			}
		}
	}
}

func roll(t testing.TB, s report.Spec, hours []report.Hour, p *quota.Projects, b *price.Book) report.Table {
	t.Helper()
	table, err := report.Roll(t.Context(), s, stream(hours), p, b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs, run with -update if that is right (-want +got)\n%s", path, diff)
	}
}
