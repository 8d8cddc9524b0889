package rollup_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/rollup/rolluptest"
	"github.com/gputally/gputally/reporter/usage"
)

// groupings are ways to group, from one row per state to one per pod.
func groupings() [][]report.Dimension {
	return [][]report.Dimension{
		{},
		{report.ByProject},
		{report.ByDepartment},
		{report.ByNodePool},
		{report.ByCluster},
		{report.ByNode},
		{report.ByNamespace},
		{report.ByPod},
		{report.ByProject, report.ByNodePool},
		{report.ByDepartment, report.ByProject},
		{report.ByProject, report.ByDepartment, report.ByCluster, report.ByNodePool, report.ByNamespace, report.ByPod},
	}
}

// randomHours are two hours of segments with odd lengths and shares.
func randomHours(t *rapid.T) []rollup.Hour {
	var hours []rollup.Hour
	for n := range 2 {
		base := start.Add(time.Duration(n) * time.Hour).UnixMilli()
		var segs []usage.Segment
		for range rapid.IntRange(0, 12).Draw(t, "segments") {
			from := rapid.Int64Range(0, 3_599_999).Draw(t, "from")
			to := rapid.Int64Range(from+1, 3_600_000).Draw(t, "to")
			s := other(n, rapid.SampledFrom([]string{"base-1", "spot-1"}).Draw(t, "node"), "GPU-a", h100,
				rapid.SampledFrom([]usage.State{usage.Allocated, usage.Allocated, usage.Unallocated, usage.Uncovered}).Draw(t, "state"), 0, 1)
			s.HeldFrom, s.HeldTo = base+from, base+to
			s.GPUMillis = rapid.Int64Range(0, to-from).Draw(t, "gpu_ms")
			if s.State == usage.Allocated {
				s.Namespace = rapid.SampledFrom([]string{"vision-dev", "vision-prod", "speech", "kube-system", "x"}).Draw(t, "namespace")
				s.Pod = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "pod")
				s.PodUID = s.Pod
				s.ActiveMillis, s.ObservedMillis = s.GPUMillis/3, s.GPUMillis
				s.MemoryByteSeconds = rapid.Int64().Draw(t, "memory") & (1<<62 - 1)
			}
			segs = append(segs, s)
		}
		hours = append(hours, hour(n, segs...))
	}
	return hours
}

func TestEveryGroupingHasTheSameTotals(t *testing.T) {
	t.Parallel()
	p, b := projects(t), book(t)
	rapid.Check(t, func(rt *rapid.T) {
		hours := randomHours(rt)
		want := report.Row{}
		var cost price.Amount
		for _, h := range hours {
			for _, s := range h.Segments {
				want.GPUMillis += s.GPUMillis
				want.ActiveMillis += s.ActiveMillis
				s.NodePool = p.Pool(s.Node, s.Model)
				c, err := b.Cost(s)
				if err != nil {
					rt.Fatal(err)
				}
				cost += c
			}
		}
		var quotas []report.Quota
		var memory []report.ByteSeconds
		for _, groupBy := range groupings() {
			table := roll(t, spec(groupBy...), hours, p, b)
			var sum report.Row
			var rowCost price.Amount
			var allocated int64
			for row := range table.Rows() {
				sum.GPUMillis += row.GPUMillis
				sum.ActiveMillis += row.ActiveMillis
				rowCost += row.Cost
				allocated += row.AllocatedMillis
			}
			if allocated != table.Total.AllocatedMillis || allocated != table.Coverage.Allocated {
				rt.Fatalf("by %v: %d ms are allocated, the total says %d, the coverage %d",
					groupBy, allocated, table.Total.AllocatedMillis, table.Coverage.Allocated)
			}
			if sum != want || table.Total.GPUMillis != want.GPUMillis {
				rt.Fatalf("by %v: rows sum to %+v, want %+v", groupBy, sum, want)
			}
			if rowCost != cost || table.Total.Cost != cost || !table.Total.Priced {
				rt.Fatalf("by %v: cost %s, total %s, want %s", groupBy, rowCost, table.Total.Cost, cost)
			}
			if table.HasQuota {
				quotas = append(quotas, *table.Total.Quota)
			}
			memory = append(memory, table.Total.Memory)
			if got := table.Coverage.Allocated + table.Coverage.Unallocated + table.Coverage.Uncovered; got != want.GPUMillis {
				rt.Fatalf("by %v: coverage of %d, want %d", groupBy, got, want.GPUMillis)
			}
		}
		if len(slices.Compact(quotas)) != 1 || len(slices.Compact(memory)) != 1 {
			rt.Fatalf("totals differ: quotas %v, memory %v", quotas, memory)
		}
	})
}

func TestOrderOfSegmentsChangesNoByte(t *testing.T) {
	t.Parallel()
	p, b := projects(t), book(t)
	render := func(hours []rollup.Hour) string {
		var out bytes.Buffer
		for _, groupBy := range groupings() {
			table := roll(t, spec(groupBy...), hours, p, b)
			if err := table.WriteCSV(&out); err != nil {
				t.Fatal(err)
			}
			data, err := table.Manifest(time.Time{}).Encode()
			if err != nil {
				t.Fatal(err)
			}
			out.Write(data)
		}
		return out.String()
	}
	rapid.Check(t, func(rt *rapid.T) {
		hours := randomHours(rt)
		want := render(hours)
		seed := rapid.Uint64().Draw(rt, "seed")
		for _, h := range hours {
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(h.Segments), func(i, j int) {
				h.Segments[i], h.Segments[j] = h.Segments[j], h.Segments[i]
			})
		}
		if diff := cmp.Diff(want, render(hours)); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// A window that cuts an hour takes what lies inside: two halves are the whole.
func TestHalvesOfAnHourAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		hours := randomHours(rt)
		hours[0].Coverage.Residue = 100_000
		hours[0].Coverage.Expected += 100_000
		s := spec(report.ByPod)
		whole := roll(t, s, hours, nil, nil)
		first, second := s, s
		first.Window.To = start.Add(30 * time.Minute)
		second.Window.From = first.Window.To
		a, b := roll(t, first, hours[:1], nil, nil), roll(t, second, hours, nil, nil)
		if a.Total.GPUMillis+b.Total.GPUMillis != whole.Total.GPUMillis ||
			a.Total.ActiveMillis+b.Total.ActiveMillis != whole.Total.ActiveMillis {
			rt.Fatalf("%+v and %+v are not %+v", a.Total.Sums, b.Total.Sums, whole.Total.Sums)
		}
		if a.Coverage.Expected+b.Coverage.Expected != whole.Coverage.Expected || a.Coverage.Residue != 50_000 {
			rt.Fatalf("%+v and %+v are not %+v", a.Coverage, b.Coverage, whole.Coverage)
		}
	})
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	bad := func(change func(*usage.Segment)) func() []rollup.Hour {
		return func() []rollup.Hour {
			hours := fleet()
			change(&hours[0].Segments[1])
			return hours
		}
	}
	for sentence, c := range map[string]struct {
		hours func() []rollup.Hour
		want  string
	}{
		"an hour twice":          {func() []rollup.Hour { return []rollup.Hour{fleet()[0], fleet()[0]} }, "comes twice"},
		"hours out of order":     {func() []rollup.Hour { return []rollup.Hour{fleet()[1], fleet()[0]} }, "in order"},
		"an hour of another day": {func() []rollup.Hour { return []rollup.Hour{hour(2)} }, "outside"},
		"an hour of another cluster": {func() []rollup.Hour {
			h := hour(0)
			h.Cluster = "us-1"
			return []rollup.Hour{h}
		}, "not about this cluster"},
		"a segment of another cluster": {bad(func(s *usage.Segment) { s.Cluster = "us-1" }), "damaged"},
		"a segment of another hour":    {bad(func(s *usage.Segment) { s.HeldTo += 3_600_000 }), "outside of"},
		"more than 64 bits can sum": {func() []rollup.Hour {
			hours := fleet()
			for _, h := range hours {
				h.Segments[0].EnergyMillijoules = 1 << 62
			}
			return hours
		}, "beyond 64 bits"},
		"a negative quantity": {bad(func(s *usage.Segment) { s.EnergyMillijoules = -1 }), "negative"},
		"an unknown state":    {bad(func(s *usage.Segment) { s.State = "lent" }), "unknown state"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := rolluptest.Table(spec(report.ByProject), c.hours(), projects(t), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestAddBatchesReturnsTheErrorOfItsSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("bucket is gone")
	r, err := rollup.New(spec(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = r.AddBatches(hour(0), func(yield func(*usage.Batch, error) bool) { yield(nil, broken) })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), `of cluster "eu-1"`) {
		t.Errorf("got %v", err)
	}
}

func TestUnpricedModels(t *testing.T) {
	t.Parallel()
	hours := fleet()
	hours[0].Segments = append(hours[0].Segments,
		held(0, "old-1", "GPU-d", t4, "speech", "tts", 0, 30), held(0, "old-1", "GPU-d", t4, "vision-dev", "train-2", 30, 60))
	hours[0].Coverage.Expected += 3_600_000

	table := roll(t, spec(report.ByNamespace), hours, nil, book(t))
	if table.State() != report.Failed || len(table.Failures) != 1 || !strings.Contains(table.Failures[0], `"Tesla T4" has no price for 1.000000 GPU-hours`) {
		t.Errorf("failures %q", table.Failures)
	}
	for row := range table.Rows() {
		if want := row.State == usage.Allocated && row.Namespace == "lost-and-found"; row.Priced != want {
			t.Errorf("row %+v: priced %v", row.Key, row.Priced)
		}
	}
	if table.Total.Priced {
		t.Error("the total of a report with unpriced use has a cost")
	}

	allowed := roll(t, spec(report.ByNamespace), hours, nil, book(t, "Tesla*"))
	if allowed.State() != report.Ready || !allowed.Total.Priced || allowed.Total.Cost != table.Total.Cost {
		t.Errorf("allowed: state %s, total %+v, want the cost of the rest", allowed.State(), allowed.Total)
	}
	if len(allowed.Warnings) != 1 || !strings.Contains(allowed.Warnings[0], "at no cost") {
		t.Errorf("allowed: warnings %q", allowed.Warnings)
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		spec  func(*report.Spec)
		hours []rollup.Hour
		ratio string
		state report.State
	}{
		"what no sample covers is not covered": {func(*report.Spec) {}, fleet(), "0.997222", report.Ready},
		"a missing hour counts by its length":  {func(*report.Spec) {}, fleet()[:1], "0.500000", report.Failed},
		"a provisional report warns instead":   {func(s *report.Spec) { s.Provisional = true }, fleet()[:1], "0.500000", report.Ready},
		"a cluster without hours is missing":   {func(s *report.Spec) { s.Clusters = []string{"eu-1", "us-1"} }, fleet(), "0.498611", report.Failed},
		"no hour at all":                       {func(*report.Spec) {}, nil, "0.000000", report.Failed},
		"no hour of no cluster":                {func(s *report.Spec) { s.Clusters = nil }, nil, "0.000000", report.Failed},
		"hours of an empty fleet":              {func(*report.Spec) {}, []rollup.Hour{hour(0), hour(1)}, "1.000000", report.Ready},
		"the minimum itself is enough":         {func(s *report.Spec) { s.MinimumCoverage = 0.5 }, fleet()[:1], "0.500000", report.Ready},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			s := spec(report.ByNodePool)
			c.spec(&s)
			table := roll(t, s, c.hours, nil, nil)
			if got := table.Total.Coverage.String(); got != c.ratio || table.State() != c.state {
				t.Errorf("got %s, %s, want %s, %s", got, table.State(), c.ratio, c.state)
			}
		})
	}
}

func TestMissingHoursAreNamed(t *testing.T) {
	t.Parallel()
	s := spec()
	s.Window.To, s.Clusters = start.Add(5*time.Hour), []string{"eu-1", "us-1"}
	table := roll(t, s, []rollup.Hour{hour(1), hour(3)}, nil, nil)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	want := []report.Gap{
		{Cluster: "eu-1", From: at(0), To: at(1)},
		{Cluster: "eu-1", From: at(2), To: at(3)},
		{Cluster: "eu-1", From: at(4), To: at(5)},
		{Cluster: "us-1", From: at(0), To: at(5)},
	}
	if diff := cmp.Diff(want, table.Missing); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHoursThatFollowOneAnotherAreOneGap(t *testing.T) {
	t.Parallel()
	s := spec()
	s.Window.To, s.Clusters = start.Add(4*time.Hour), []string{"eu-1", "us-1"}
	table := roll(t, s, []rollup.Hour{hour(3)}, nil, nil)
	want := []report.Gap{
		{Cluster: "eu-1", From: start, To: start.Add(3 * time.Hour)},
		{Cluster: "us-1", From: start, To: start.Add(4 * time.Hour)},
	}
	if diff := cmp.Diff(want, table.Missing); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRowsHaveTheCoverageOfTheirCluster(t *testing.T) {
	t.Parallel()
	hours := []rollup.Hour{fleet()[0], of("us-1", fleet()[0]), of("us-1", fleet()[1])}
	for _, c := range []struct {
		by   []report.Dimension
		want map[string]string // ratios by cluster
	}{
		{[]report.Dimension{report.ByProject}, map[string]string{"": "0.748611"}},
		{[]report.Dimension{report.ByNamespace}, map[string]string{"eu-1": "0.500000", "us-1": "0.997222"}},
	} {
		s := spec(c.by...)
		s.Clusters, s.MinimumCoverage = []string{"eu-1", "us-1"}, 0
		table, got := roll(t, s, hours, projects(t), nil), map[string]string{}
		for row := range table.Rows() {
			got[row.Cluster] = row.Coverage.String()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("by %v (-want +got)\n%s", c.by, diff)
		}
	}
}

func TestProjectsAreNeededToGroupByThem(t *testing.T) {
	t.Parallel()
	if _, err := rollup.New(spec(report.ByProject), nil, nil); err == nil || !strings.Contains(err.Error(), "projects file") {
		t.Errorf("got %v", err)
	}
}
