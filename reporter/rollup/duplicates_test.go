package rollup_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
)

// of puts an hour and its segments into another cluster.
func of(cluster string, h rollup.Hour) rollup.Hour {
	h.Cluster, h.Segments = cluster, slices.Clone(h.Segments)
	for i := range h.Segments {
		h.Segments[i].Cluster = cluster
	}
	return h
}

func TestGPUInTwoClusters(t *testing.T) {
	t.Parallel()
	whole := func(n int, uuid string) usage.Segment { return held(n, "base-1", uuid, h100, "speech", "asr", 0, 60) }
	found := func(cluster string, hours, count int, named ...string) report.Finding {
		return report.Finding{Cluster: cluster, Code: usage.GPUInTwoClusters, Hours: hours, Count: count, Named: named}
	}
	closingSaw := of("us-1", hour(0, whole(0, "GPU-a")))
	closingSaw.Findings = []usage.Finding{
		{Code: usage.GPUInTwoClusters, Count: 1, Named: []string{"GPU-a (cluster eu-1)"}},
		{Code: usage.LateCounted, Count: 1, Named: []string{"x"}},
	}
	var many, named []string
	for i := range 12 {
		many = append(many, fmt.Sprintf("GPU-%02d", i))
		named = append(named, fmt.Sprintf("GPU-%02d (cluster eu-1)", i))
	}
	each := func(n int) (segs []usage.Segment) {
		for _, uuid := range many {
			segs = append(segs, whole(n, uuid))
		}
		return segs
	}
	for sentence, c := range map[string]struct {
		hours []rollup.Hour
		want  []report.Finding
	}{
		"each cluster has its own": {
			[]rollup.Hour{hour(0, whole(0, "GPU-a")), of("us-1", hour(0, whole(0, "GPU-b")))}, nil,
		},
		"two have one, in both hours": {
			[]rollup.Hour{
				hour(0, whole(0, "GPU-a")), of("us-1", hour(0, whole(0, "GPU-a"))),
				of("us-1", hour(1, whole(1, "GPU-a"))), hour(1, whole(1, "GPU-a"), whole(1, "GPU-b")),
			},
			[]report.Finding{found("us-1", 2, 2, "GPU-a (cluster eu-1)")},
		},
		"one after the other is not at the same time": {
			[]rollup.Hour{hour(0, whole(0, "GPU-a")), of("us-1", hour(1, whole(1, "GPU-a")))}, nil,
		},
		"three have one": {
			[]rollup.Hour{of("us-2", hour(0, whole(0, "GPU-a"))), of("us-1", hour(0, whole(0, "GPU-a"))), hour(0, whole(0, "GPU-a"))},
			[]report.Finding{found("us-1", 1, 1, "GPU-a (cluster eu-1)"), found("us-2", 1, 1, "GPU-a (cluster eu-1)")},
		},
		"a GPU that moved within the hour": {
			[]rollup.Hour{
				hour(0, held(0, "base-1", "GPU-a", h100, "speech", "asr", 0, 33)),
				of("us-1", hour(0, held(0, "base-1", "GPU-a", h100, "speech", "asr", 28, 60))),
			}, nil,
		},
		"five minutes and a second are no move": {
			[]rollup.Hour{
				hour(0, held(0, "base-1", "GPU-a", h100, "speech", "asr", 0, 33)),
				of("us-1", hour(0, held(0, "base-1", "GPU-a", h100, "speech", "asr", 27, 60))),
			},
			[]report.Finding{found("us-1", 1, 1, "GPU-a (cluster eu-1)")},
		},
		"a GPU that is absent in the other cluster": {
			[]rollup.Hour{hour(0, whole(0, "GPU-a")), of("us-1", hour(0, other(0, "base-1", "GPU-a", h100, usage.Absent, 0, 60)))}, nil,
		},
		"time without a GPU's name": {
			[]rollup.Hour{hour(0, whole(0, "")), of("us-1", hour(0, whole(0, "")))}, nil,
		},
		"more than are named": {
			[]rollup.Hour{hour(0, each(0)...), of("us-1", hour(0, each(0)...))},
			[]report.Finding{found("us-1", 1, 12, named[:usage.MostNamed]...)},
		},
		"closing found it, too": {
			[]rollup.Hour{hour(0, whole(0, "GPU-a")), closingSaw},
			[]report.Finding{
				found("us-1", 1, 1, "GPU-a (cluster eu-1)"),
				{Cluster: "us-1", Code: usage.LateCounted, Hours: 1, Count: 1, Named: []string{"x"}},
			},
		},
		"closing found it with a cluster of another report": {
			[]rollup.Hour{closingSaw},
			[]report.Finding{
				found("us-1", 1, 1, "GPU-a (cluster eu-1)"),
				{Cluster: "us-1", Code: usage.LateCounted, Hours: 1, Count: 1, Named: []string{"x"}},
			},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			s := spec(report.ByProject)
			s.Clusters, s.MinimumCoverage = nil, 0
			table := roll(t, s, c.hours, projects(t), nil)
			if diff := cmp.Diff(c.want, table.Findings); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTablesInBetweenFindAGPUInTwoClustersOnce(t *testing.T) {
	t.Parallel()
	s := spec(report.ByProject)
	s.Clusters = []string{"eu-1", "us-1"}
	r, err := rollup.New(s, projects(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		for _, h := range []rollup.Hour{fleet()[n], of("us-1", fleet()[n])} {
			if err := r.Add(h); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Table(); err != nil {
				t.Fatal(err)
			}
		}
	}
	table, err := r.Table()
	want := []report.Finding{{
		Cluster: "us-1", Code: usage.GPUInTwoClusters, Hours: 2, Count: 6,
		Named: []string{"GPU-a (cluster eu-1)", "GPU-b (cluster eu-1)", "GPU-c (cluster eu-1)"},
	}}
	if diff := cmp.Diff(want, table.Findings); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// A report of one cluster does not read the column.
func TestOnlyReportsOfSeveralClustersReadUUIDs(t *testing.T) {
	t.Parallel()
	for want, clusters := range map[bool][]string{false: {"eu-1"}, true: {"eu-1", "us-1"}} {
		s := spec(report.ByProject)
		s.Clusters = clusters
		r, err := rollup.New(s, projects(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(r.Columns(hour(0).Window).Texts, usage.TextUUID); got != want {
			t.Errorf("clusters %v: UUIDs are read: %v", clusters, got)
		}
	}
}
