package rollup_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
)

// passOn are two projects of which the first has a namespace until an instant,
// and the second from then on.
func passOn(t testing.TB, namespace string, at time.Time) *quota.Projects {
	t.Helper()
	p, err := quota.New(nil, []quota.Project{
		{Name: "old", Namespaces: []quota.Namespace{{Pattern: namespace, To: at}}, Quotas: []quota.Quota{{DeservedMilli: 500}}},
		{Name: "new", Department: "d", Namespaces: []quota.Namespace{{Pattern: namespace, From: at}}},
		{Name: "rest", Namespaces: quota.Always("*")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func csv(t testing.TB, table report.Table) string {
	t.Helper()
	var out bytes.Buffer
	if err := table.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestNamespaceThatMovesWithinAnHourIsCutThere(t *testing.T) {
	t.Parallel()
	minute := int64(time.Minute / time.Millisecond)
	at := start.Add(15 * time.Minute)
	hours := []rollup.Hour{hour(0,
		held(0, "base-1", "GPU-a", h100, "speech", "asr", 0, 60),
		held(0, "base-1", "GPU-b", h100, "speech", "before", 0, 15),
		held(0, "base-1", "GPU-b", h100, "speech", "after", 15, 25),
		held(0, "base-1", "GPU-b", h100, "vision", "stays", 25, 60),
	)}
	type figures struct{ held, active, over int64 }
	got := map[string]figures{}
	for row := range roll(t, spec(report.ByProject), hours, passOn(t, "speech", at), nil).Rows() {
		f := figures{held: row.AllocatedMillis, active: row.ActiveMillis}
		if row.Quota != nil {
			f.over = row.Quota.Over
		}
		got[row.Project] = f
	}
	want := map[string]figures{
		"old":  {30 * minute, 15 * minute, 30*minute - 15*minute/2}, // two GPUs at once, half of one is deserved
		"new":  {55 * minute, 55 * minute / 2, 0},
		"rest": {35 * minute, 35 * minute / 2, 0},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(figures{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A pod that goes on over the instant has one row under each project, or one in
// all where the report knows no projects.
func TestPodOfANamespaceThatMoves(t *testing.T) {
	t.Parallel()
	hours := []rollup.Hour{
		hour(0, held(0, "base-1", "GPU-a", h100, "speech", "asr", 0, 60)),
		hour(1, held(1, "base-1", "GPU-a", h100, "speech", "asr", 0, 60)),
	}
	p := passOn(t, "speech", start.Add(30*time.Minute))
	for _, c := range []struct {
		by   []report.Dimension
		want map[string]int64 // GPU-ms by project
	}{
		{[]report.Dimension{report.ByPod}, map[string]int64{"": 7_200_000}},
		{[]report.Dimension{report.ByPod, report.ByProject}, map[string]int64{"old": 1_800_000, "new": 5_400_000}},
	} {
		got := map[string]int64{}
		for row := range roll(t, spec(c.by...), hours, p, nil).Rows() {
			got[row.Project] += row.GPUMillis
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("by %v (-want +got)\n%s", c.by, diff)
		}
	}
}

func TestReportOfThePastHasItsOwnersWheneverItIsMade(t *testing.T) {
	t.Parallel()
	end := spec().Window.To
	for _, groupBy := range groupings() {
		before, err := quota.New(nil, []quota.Project{{Name: "old", Namespaces: quota.Always("vision-*")}})
		if err != nil {
			t.Fatal(err)
		}
		after, err := quota.New(nil, []quota.Project{
			{Name: "old", Namespaces: []quota.Namespace{{Pattern: "vision-*", To: end}}},
			{Name: "new", Namespaces: []quota.Namespace{{Pattern: "vision-*", From: end}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := csv(t, roll(t, spec(groupBy...), fleet(), before, book(t)))
		if diff := cmp.Diff(want, csv(t, roll(t, spec(groupBy...), fleet(), after, book(t)))); diff != "" {
			t.Errorf("by %v (-before +after)\n%s", groupBy, diff)
		}
	}
}

// datedProjects give each of three namespaces, time by time, to one of three projects.
func datedProjects(t *rapid.T) *quota.Projects {
	list := []quota.Project{{Name: "a", Department: "d"}, {Name: "b", Department: "d"}, {Name: "c"}}
	instant := rapid.OneOf(rapid.Int64Range(1, 4*3_600_000), rapid.SampledFrom([]int64{3_600_000, 1_234_567, 1_234_568, 5_400_000}))
	for _, namespace := range []string{"vision-dev", "speech", "x"} {
		cuts := rapid.SliceOfNDistinct(instant, 0, 4, rapid.ID[int64]).Draw(t, "cuts")
		slices.Sort(cuts)
		var from time.Time
		for i := range len(cuts) + 1 {
			var to time.Time
			if i < len(cuts) {
				to = start.Add(time.Duration(cuts[i]) * time.Millisecond)
			}
			p := &list[rapid.IntRange(0, 2).Draw(t, "owner")]
			p.Namespaces = append(p.Namespaces, quota.Namespace{Pattern: namespace, From: from, To: to})
			from = to
		}
	}
	p, err := quota.New(nil, list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whenever namespaces move, no use is lost or counted twice, and every grouping
// has the same cost.
func TestSumOverProjectsIsTheSameWhateverTheDates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := spec()
		s.Clusters, s.MinimumCoverage = []string{"eu-1", "us-1"}, 0
		s.Window.To = start.Add(4 * time.Hour)
		hours, b := oddHours(rt), oddBook(t)
		s.GroupBy = nil
		want := roll(t, s, hours, nil, nil).Total
		p := datedProjects(rt)
		var costs []price.Amount
		for _, by := range [][]report.Dimension{{}, {report.ByProject}, {report.ByDepartment}, {report.ByCluster, report.ByProject}, {report.ByPod}} {
			s.GroupBy = by
			table := roll(t, s, hours, p, b)
			if table.Total.Sums != want.Sums || table.Total.AllocatedMillis != want.AllocatedMillis {
				rt.Fatalf("by %v: %+v, want %+v", by, table.Total, want)
			}
			var sum int64
			for row := range table.Rows() {
				if sum += row.GPUMillis; row.State == usage.Allocated && row.Project == quota.None {
					rt.Fatalf("by %v: a row is nobody's: %+v", by, row)
				}
			}
			if sum != want.GPUMillis {
				rt.Fatalf("by %v: rows sum to %d ms, want %d", by, sum, want.GPUMillis)
			}
			costs = append(costs, table.Total.Cost)
		}
		if len(slices.Compact(costs)) != 1 {
			rt.Fatalf("costs differ by grouping: %v", costs)
		}
	})
}
