package rolluptest

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Models of GPUs.
const (
	H100 = "NVIDIA H100 80GB HBM3"
	T4   = "Tesla T4"
)

// Start is when the first hour of the fixture begins.
func Start() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }

// Spec is a report of two hours.
func Spec(groupBy ...report.Dimension) report.Spec {
	return report.Spec{
		Window:   window.Window{From: Start(), To: Start().Add(2 * time.Hour)},
		TimeZone: "Europe/Berlin", GroupBy: groupBy, Clusters: []string{"eu-1"}, MinimumCoverage: 0.99,
	}
}

// Book has prices for the H100 alone, which change at the middle of the second
// hour in the node pool spot.
func Book(t testing.TB, allowed ...string) *price.Book {
	t.Helper()
	b, err := price.New("EUR", []price.Rate{
		{Model: "*H100*", GPUHour: decimal.RequireFromString("2.499999999")},
		{Model: "*H100*", NodePool: "spot", GPUHour: decimal.RequireFromString("0.7"), To: Start().Add(90 * time.Minute)},
		{Model: "*H100*", NodePool: "spot", GPUHour: decimal.RequireFromString("0.9"), From: Start().Add(90 * time.Minute)},
	}, allowed)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Projects are two with quotas that are used, one that is not, and one without a
// quota.
func Projects(t testing.TB) *quota.Projects {
	t.Helper()
	p, err := quota.New(
		[]quota.NodePool{{Name: "spot", Nodes: []string{"spot-*"}}, {Name: "base", Nodes: []string{"*"}}},
		[]quota.Project{
			{Name: "vision", Department: "research", Namespaces: quota.Always("vision-*"), Quotas: []quota.Quota{{NodePool: "base", DeservedMilli: 1000}}},
			{Name: "speech", Department: "research", Namespaces: quota.Always("speech"), Quotas: []quota.Quota{{DeservedMilli: 500}}},
			{Name: "idle", Namespaces: quota.Always("idle"), Quotas: []quota.Quota{{NodePool: "base", DeservedMilli: 2000}}},
			{Name: "ops", Namespaces: quota.Always("kube-system")},
		})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Held is a tenant's segment, in minutes of an hour.
func Held(hour int, node, uuid, model, namespace, pod string, from, to int64) usage.Segment {
	base := Start().Add(time.Duration(hour) * time.Hour).UnixMilli()
	ms := (to - from) * 60_000
	return usage.Segment{
		Cluster: "eu-1", Node: node, UUID: uuid, Model: model, State: usage.Allocated,
		Namespace: namespace, Pod: pod, PodUID: pod + "-uid", Container: "main",
		HeldFrom: base + from*60_000, HeldTo: base + to*60_000, Share: 1,
		GPUMillis: ms, ActiveMillis: ms / 2, IdleMillis: ms / 8, ObservedMillis: ms,
		MemoryByteSeconds: ms * 40_000_000, EnergyMillijoules: ms * 300,
	}
}

// Other is a stretch of a GPU's time in a state that knows no tenant.
func Other(hour int, node, uuid, model string, state usage.State, from, to int64) usage.Segment {
	s := Held(hour, node, uuid, model, "", "", from, to)
	return usage.Segment{
		Cluster: s.Cluster, Node: node, UUID: uuid, Model: model, State: state, Share: 1,
		HeldFrom: s.HeldFrom, HeldTo: s.HeldTo, GPUMillis: s.GPUMillis, EnergyMillijoules: s.GPUMillis * 60,
	}
}

// Hour closes an hour: what its segments add up to is what was expected.
func Hour(n int, segs ...usage.Segment) rollup.Hour {
	h := rollup.Hour{Revision: 1, SHA256: "00"}
	h.Cluster, h.Window, h.Source, h.Road = "eu-1", window.Hour(Start().Add(time.Duration(n)*time.Hour)), "gputally", "remote_read"
	h.Segments = segs
	for _, s := range segs {
		h.Coverage.Expected += s.GPUMillis
	}
	return h
}

// Fleet is two hours of three GPUs.
func Fleet() []rollup.Hour {
	estimated := Held(0, "base-1", "GPU-a", H100, "vision-dev", "train-0", 0, 60)
	estimated.EstimatedMillis = 60_000
	return []rollup.Hour{
		Hour(0,
			estimated,
			Held(0, "base-1", "GPU-b", H100, "vision-dev", "train-1", 15, 45),
			Other(0, "base-1", "GPU-b", H100, usage.Unallocated, 0, 15),
			Other(0, "base-1", "GPU-b", H100, usage.Unavailable, 45, 60),
			Held(0, "spot-1", "GPU-c", H100, "speech", "asr", 0, 60),
		),
		Hour(1,
			Held(1, "base-1", "GPU-a", H100, "vision-dev", "train-0", 0, 20),
			Other(1, "base-1", "GPU-a", H100, usage.Unattributed, 20, 60),
			Held(1, "base-1", "GPU-b", H100, "lost-and-found", "shell", 0, 60),
			Held(1, "spot-1", "GPU-c", H100, "speech", "asr", 0, 59),
			Other(1, "spot-1", "GPU-c", H100, usage.Uncovered, 59, 60),
		),
	}
}

// Table adds the hours up and returns the table, or the error of the first hour
// that can't be added. Projects and book may be nil.
func Table(s report.Spec, hours []rollup.Hour, p *quota.Projects, b *price.Book) (report.Table, error) {
	r, err := rollup.New(s, p, b)
	if err != nil {
		return report.Table{}, err
	}
	for _, h := range hours {
		if err := r.Add(h); err != nil {
			return report.Table{}, err
		}
	}
	return r.Table()
}

// Roll is Table for hours that can be added.
func Roll(t testing.TB, s report.Spec, hours []rollup.Hour, p *quota.Projects, b *price.Book) report.Table {
	t.Helper()
	table, err := Table(s, hours, p, b)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
