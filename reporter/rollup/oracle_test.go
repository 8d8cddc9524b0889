package rollup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// oracle adds segments up one by one, into maps with names as keys: slow, and
// obvious.
type oracle struct {
	spec     report.Spec
	projects *quota.Projects
	book     *price.Book

	rows     map[report.Key]*report.Row
	memory   map[report.Key]*big.Int // byte-seconds
	unpriced map[report.Key]bool
	tally    *quota.Tally
	state    map[usage.State]int64
}

func newOracle(s report.Spec, p *quota.Projects, b *price.Book) *oracle {
	return &oracle{
		spec: s, projects: p, book: b, tally: p.Tally(s.Window),
		rows: map[report.Key]*report.Row{}, memory: map[report.Key]*big.Int{}, unpriced: map[report.Key]bool{}, state: map[usage.State]int64{},
	}
}

func (o *oracle) add(h rollup.Hour) error {
	for _, seg := range h.Segments {
		seg, ok := seg.Cut(o.spec.Window.From.UnixMilli(), o.spec.Window.To.UnixMilli())
		if !ok {
			continue
		}
		o.state[seg.State] += seg.GPUMillis
		if seg.State == usage.Absent {
			continue
		}
		for _, part := range o.parts(seg) {
			if err := o.segment(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts are those of a segment while its namespace is one project's.
func (o *oracle) parts(seg usage.Segment) []usage.Segment {
	var parts []usage.Segment
	owner, _ := o.projects.Of(seg.Cluster, seg.Namespace, time.UnixMilli(seg.HeldFrom))
	for _, at := range o.projects.Moves() {
		next, _ := o.projects.Of(seg.Cluster, seg.Namespace, at)
		if ms := at.UnixMilli(); seg.State == usage.Allocated && seg.HeldFrom < ms && ms < seg.HeldTo && next != owner {
			before, _ := seg.Cut(seg.HeldFrom, ms)
			seg, _ = seg.Cut(ms, seg.HeldTo)
			parts, owner = append(parts, before), next
		}
	}
	return append(parts, seg)
}

func (o *oracle) segment(seg usage.Segment) error {
	if seg.NodePool == "" {
		seg.NodePool = o.projects.Pool(seg.Node, seg.Model)
	}
	project, department := "", ""
	if seg.State == usage.Allocated {
		project, department = o.projects.Of(seg.Cluster, seg.Namespace, time.UnixMilli(seg.HeldFrom))
		if err := o.tally.Add(project, seg.NodePool, seg); err != nil {
			return err
		}
	}
	key := o.key(seg, project, department)
	row := o.row(key)
	row.GPUMillis += seg.GPUMillis
	row.ActiveMillis += seg.ActiveMillis
	row.IdleMillis += seg.IdleMillis
	row.ObservedMillis += seg.ObservedMillis
	row.EstimatedMillis += seg.EstimatedMillis
	row.EnergyMilliJoule += seg.EnergyMillijoules
	o.memory[key].Add(o.memory[key], big.NewInt(seg.MemoryByteSeconds))
	if seg.State != usage.Allocated {
		return nil
	}
	row.AllocatedMillis += seg.GPUMillis
	cost, err := o.book.Cost(seg)
	switch {
	case errors.Is(err, price.ErrUnpriced):
		o.unpriced[key] = o.unpriced[key] || !o.book.AllowsUnpriced(seg.Model)
	case err != nil:
		return err
	}
	row.Cost += cost
	return nil
}

func (o *oracle) row(k report.Key) *report.Row {
	if o.rows[k] == nil {
		o.rows[k], o.memory[k] = &report.Row{Key: k}, new(big.Int)
	}
	return o.rows[k]
}

func (o *oracle) key(seg usage.Segment, project, department string) report.Key {
	k := report.Key{State: seg.State}
	by := func(ds ...report.Dimension) bool {
		return slices.ContainsFunc(ds, func(d report.Dimension) bool { return slices.Contains(o.spec.GroupBy, d) })
	}
	if by(report.ByProject) && seg.State == usage.Allocated {
		k.Project = named(project)
	}
	if by(report.ByDepartment) && seg.State == usage.Allocated {
		k.Department = named(department)
	}
	if by(report.ByNodePool) {
		k.NodePool = named(seg.NodePool)
	}
	if by(report.ByCluster, report.ByNode, report.ByNamespace, report.ByPod) {
		k.Cluster = seg.Cluster
	}
	if by(report.ByNode) {
		k.Node = seg.Node
	}
	if by(report.ByNamespace, report.ByPod) {
		k.Namespace = seg.Namespace
	}
	if by(report.ByPod) {
		k.Pod, k.PodUID = seg.Pod, seg.PodUID
	}
	return k
}

func named(name string) string {
	if name == "" {
		return quota.None
	}
	return name
}

// table gives the rows by key, with the quotas if the report has them.
func (o *oracle) table(hasQuota bool) map[report.Key]report.Row {
	if hasQuota {
		for _, f := range o.tally.Figures() {
			k := o.key(usage.Segment{State: usage.Allocated, NodePool: f.NodePool}, f.Project, f.Department)
			row := o.row(k)
			if row.Quota == nil {
				row.Quota = &report.Quota{}
			}
			row.Quota.Deserved += f.Deserved
			row.Quota.Over += f.Over
			row.Quota.Left += f.Left
		}
	}
	all := map[report.Key]report.Row{}
	for k, row := range o.rows {
		row.Priced = k.State == usage.Allocated && !o.unpriced[k]
		high, low := new(big.Int).DivMod(o.memory[k], new(big.Int).Lsh(big.NewInt(1), 64), new(big.Int))
		row.Memory = report.MakeByteSeconds(high.Uint64(), low.Uint64())
		all[k] = *row
	}
	return all
}

// oddHours are hours of two clusters in which pods come and go, with all that a
// segment can have.
func oddHours(t *rapid.T) []rollup.Hour {
	pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
	memory := rapid.OneOf(rapid.Int64Range(0, 1<<62), rapid.Int64Range(1<<62-9, 1<<62)) // of few segments beyond 64 bits
	var hours []rollup.Hour
	for n := range 4 {
		for _, cluster := range []string{"eu-1", "us-1"} {
			var segs []usage.Segment
			for i := range rapid.IntRange(0, 15).Draw(t, "segments") {
				from := rapid.SampledFrom([]int64{0, 0, 0, 1_234_567}).Draw(t, "from")
				to := rapid.SampledFrom([]int64{3_600_000, 3_600_000, 3_599_999, 1_234_568}).Draw(t, "to")
				s := other(n, pick("node", "base-1", "spot-1", "spot-2", "old-1"), fmt.Sprintf("GPU-%d", i), pick("model", h100, h100, t4, "A10"),
					usage.State(pick("state", "allocated", "allocated", "allocated", "unallocated", "uncovered", "absent", "unattributed", "unavailable")), 0, 60)
				base := s.HeldFrom
				s.Cluster, s.NodePool = cluster, pick("pool", "", "", "spot", "hand-made")
				s.HeldFrom, s.HeldTo = base+from, base+to
				s.GPUMillis = rapid.Int64Range(0, to-from).Draw(t, "gpu_ms")
				s.EnergyMillijoules = s.GPUMillis * 333
				if s.State == usage.Allocated {
					pod := pick("pod", "a", "b", "c", "d", "e")
					s.Namespace, s.Pod = pick("namespace", "vision-dev", "speech", "x"), pod
					s.PodUID, s.Container = pod+pick("uid", "", "", "", "2"), "main"
					s.ActiveMillis, s.IdleMillis, s.ObservedMillis, s.EstimatedMillis = s.GPUMillis/3, s.GPUMillis/5, s.GPUMillis/2, s.GPUMillis/7
					s.MemoryByteSeconds = memory.Draw(t, "memory")
				}
				segs = append(segs, s)
			}
			slices.SortStableFunc(segs, usage.Compare)
			h := hour(n, segs...)
			h.Cluster = cluster
			hours = append(hours, h)
		}
	}
	return hours
}

// oddProjects pass a namespace on within hours, some of them at the same
// instant at which a quota or a price changes.
func oddProjects(t testing.TB) *quota.Projects {
	t.Helper()
	first, second := start.Add(20*time.Minute+34567*time.Millisecond), start.Add(90*time.Minute)
	speech := []quota.Namespace{{Pattern: "speech", To: first}, {Pattern: "speech", From: second}}
	idle := []quota.Namespace{
		{Pattern: "idle"},
		{Pattern: "speech", From: first, To: second},
		{Pattern: "x", From: start.Add(20 * time.Minute), To: start.Add(40 * time.Minute)},
		{Pattern: "x", From: start.Add(40 * time.Minute)},
	}
	p, err := quota.New(
		[]quota.NodePool{{Name: "spot", Nodes: []string{"spot-*"}}, {Name: "base", Nodes: []string{"base-*"}}},
		[]quota.Project{
			{Name: "vision", Department: "research", Namespaces: quota.Always("vision-*"), Quotas: []quota.Quota{
				{NodePool: "base", DeservedMilli: 700}, {NodePool: "spot", DeservedMilli: 1, To: start.Add(90 * time.Minute)},
			}},
			{Name: "speech", Namespaces: speech, Quotas: []quota.Quota{{DeservedMilli: 500}}},
			{Name: "idle", Department: "research", Namespaces: idle, Quotas: []quota.Quota{{DeservedMilli: 2000}}},
		})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func oddBook(t testing.TB) *price.Book {
	t.Helper()
	b, err := price.New("EUR", []price.Rate{
		{Model: "*H100*", GPUHour: decimal.RequireFromString("2.499999999")},
		{Model: "*H100*", NodePool: "spot", GPUHour: decimal.RequireFromString("0.7"), To: start.Add(90*time.Minute + 7*time.Second)},
		{Model: "A10", Cluster: "eu-1", GPUHour: decimal.RequireFromString("0.123456789"), From: start.Add(time.Hour)},
	}, []string{"Tesla*"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// roads are the ways on which hours come to a rollup.
func roads() map[string]func(rt *rapid.T, r *rollup.Rollup, h rollup.Hour) error {
	return map[string]func(*rapid.T, *rollup.Rollup, rollup.Hour) error{
		"segments": func(_ *rapid.T, r *rollup.Rollup, h rollup.Hour) error { return r.Add(h) },
		"batches": func(rt *rapid.T, r *rollup.Rollup, h rollup.Hour) error {
			size := rapid.IntRange(1, 20).Draw(rt, "batch")
			return r.AddBatches(h, func(yield func(*usage.Batch, error) bool) {
				var b usage.Batch
				for chunk := range slices.Chunk(h.Segments, size) {
					if b.Fill(chunk); !yield(&b, nil) {
						return
					}
				}
			})
		},
		"ledger": throughLedger,
	}
}

func throughLedger(rt *rapid.T, r *rollup.Rollup, h rollup.Hour) error {
	ctx := context.Background()
	l := ledger.New(mem.New(time.Now), ledger.Config{})
	if _, err := l.Put(ctx, h.Hour); err != nil {
		rt.Fatal(err)
	}
	scan, err := l.Scan(ctx, h.Cluster, h.Window, r.Columns(h.Window))
	if err != nil {
		rt.Fatal(err)
	}
	return r.AddBatches(rollup.Hour{Hour: scan.Hour(), Revision: h.Revision, SHA256: h.SHA256}, batches(scan))
}

func batches(scan *ledger.Scan) iter.Seq2[*usage.Batch, error] {
	return func(yield func(*usage.Batch, error) bool) {
		var b usage.Batch
		for {
			err := scan.Next(&b)
			if errors.Is(err, io.EOF) || !yield(&b, err) || err != nil {
				return
			}
		}
	}
}

func TestRollupIsWhatSegmentsAddUpTo(t *testing.T) {
	t.Parallel()
	p, b := oddProjects(t), oddBook(t)
	for road, add := range roads() {
		t.Run(road, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				s := spec(rapid.SampledFrom(groupings()).Draw(rt, "by")...)
				s.Clusters, s.MinimumCoverage = []string{"eu-1", "us-1"}, 0
				s.Window = window.Window{
					From: start.Add(rapid.SampledFrom([]time.Duration{0, 30 * time.Minute}).Draw(rt, "begins")),
					To:   start.Add(4*time.Hour - rapid.SampledFrom([]time.Duration{0, 15 * time.Minute}).Draw(rt, "ends")),
				}
				r, err := rollup.New(s, p, b)
				if err != nil {
					rt.Fatal(err)
				}
				slow := newOracle(s, p, b)
				peek := rapid.IntRange(0, 4).Draw(rt, "peek")
				for i, h := range oddHours(rt) {
					if i%2 == 0 { // two clusters an hour
						slow.tally.Flush()
					}
					if err := errors.Join(slow.add(h), add(rt, r, h)); err != nil {
						rt.Fatal(err)
					}
					if i == 2*peek+1 { // a table in between changes nothing
						if _, err := r.Table(); err != nil {
							rt.Fatal(err)
						}
					}
				}
				compareTables(rt, r, slow)
			})
		})
	}
}

func compareTables(rt *rapid.T, r *rollup.Rollup, slow *oracle) {
	table, err := r.Table()
	if err != nil {
		rt.Fatal(err)
	}
	got := map[report.Key]report.Row{}
	for row := range table.Rows() {
		row.Coverage = 0
		if _, twice := got[row.Key]; twice {
			rt.Fatalf("two rows of %+v", row.Key)
		}
		got[row.Key] = row
	}
	if diff := cmp.Diff(slow.table(table.HasQuota), got, cmp.AllowUnexported(report.ByteSeconds{})); diff != "" {
		rt.Fatalf("(-want +got)\n%s", diff)
	}
	c := table.Coverage
	states := map[usage.State]int64{}
	for state, millis := range map[usage.State]int64{
		usage.Allocated: c.Allocated, usage.Unallocated: c.Unallocated, usage.Unattributed: c.Unattributed,
		usage.Unavailable: c.Unavailable, usage.Uncovered: c.Uncovered, usage.Absent: c.Absent,
	} {
		if slow.state[state] != 0 || millis != 0 {
			states[state] = millis
		}
	}
	for state, millis := range slow.state {
		if states[state] != millis {
			rt.Fatalf("%s: %d ms, want %d", state, states[state], millis)
		}
	}
}
