package serve_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
)

// manifest is that of the latest revision of a day.
func (r *replica) manifest(t *testing.T, day string) report.Manifest {
	t.Helper()
	for record, err := range r.archive.List(t.Context(), archive.Query{Name: "daily", Period: day}) {
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.archive.Manifest(t.Context(), record)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Fatalf("there is no report of %s", day)
	return report.Manifest{}
}

// With a cluster late, a report is made at its deadline, once, whoever looks and how
// often, and once more when the cluster's hours come in.
func TestALateCluster(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		minimum float64
		first   string // the state of the first revision
	}{
		"below the minimum coverage": {0.99, "Failed"},
		"with no minimum":            {0, "Ready"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2", "eu-3")
			begin := instant("2026-11-20T02:05:00Z")
			both := []*replica{
				newStrictReplica(t, b, begin, tt.minimum, "eu-1", "eu-2", "eu-3"),
				newStrictReplica(t, b, begin, tt.minimum, "eu-1", "eu-2", "eu-3"),
			}
			until := func(at string, step time.Duration) {
				for end := instant(at); both[0].now.Before(end); {
					for _, r := range both {
						r.server.Round(t.Context())
						r.now = r.now.Add(step)
					}
				}
			}
			has := func(when string, want ...string) {
				t.Helper()
				if diff := cmp.Diff(want, both[0].reports(t)); diff != "" {
					t.Errorf("%s (-want +got)\n%s", when, diff)
				}
			}
			until("2026-11-20T02:30:00Z", 5*time.Minute)
			both[0].fault, both[1].fault = away("eu-2"), away("eu-2")
			until("2026-11-21T07:55:00Z", 15*time.Minute)
			has("before the deadline", "2026-11-19 1 Ready")
			until("2026-11-21T08:12:00Z", time.Minute)
			want := []string{"2026-11-19 1 Ready", "2026-11-20 1 " + tt.first}
			has("after it, and ten ticks later", want...)
			m := both[0].manifest(t, "2026-11-20")
			if len(m.Missing) != 1 || m.Missing[0].Cluster != "eu-2" || string(m.State) != tt.first {
				t.Errorf("missing are %+v", m.Missing)
			}

			both[1] = newStrictReplica(t, b, both[0].now, tt.minimum, "eu-1", "eu-2", "eu-3")
			both[1].fault = away("eu-2")
			until("2026-11-21T08:25:00Z", time.Minute)
			has("after one of the two was restarted", want...)

			both[0].fault, both[1].fault = nil, nil
			until("2026-11-21T09:05:00Z", time.Minute)
			has("when the cluster is back", append(want, "2026-11-20 2 Ready")...)
			if m := both[1].manifest(t, "2026-11-20"); len(m.Missing) != 0 || m.Supersedes == "" {
				t.Errorf("missing are %+v, superseded is %q", m.Missing, m.Supersedes)
			}
		})
	}
}

// The index of one cluster is damaged. Its hours are read from the ledger, and reports
// are made at their deadline.
func TestADamagedIndexOfOneClusterStopsNoReport(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
	spoil(t, b, "index/hours/cluster=eu-2/2026-11.json", func(data []byte) []byte { return data[:len(data)/2] })
	r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1", "eu-2")
	r.passes(t, 6*time.Hour+10*time.Minute)
	if diff := cmp.Diff([]string{"2026-11-19 1 Ready"}, r.reports(t)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	m := r.manifest(t, "2026-11-19")
	if len(m.Coverage.Clusters) != 3 || m.Coverage.Clusters[0].Ratio != 1_000_000 || m.Coverage.Clusters[1].Ratio != 1_000_000 {
		t.Errorf("the coverage is %+v", m.Coverage.Clusters)
	}
	if !r.closedHour(t, "eu-1", "2026-11-20T06:00:00Z") {
		t.Error("the other cluster does not go on")
	}
}
