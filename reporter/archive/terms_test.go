package archive_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/rollup/rolluptest"
)

// said is what a configuration says.
type said struct {
	gpuHour  int64 // price, 0 without a price book
	deserved int64 // of the project vision
	owner    string
	clusters []rollup.Hour // closed in other clusters
}

func (s said) open(t *testing.T, b bucket.Bucket) *archive.Archive {
	t.Helper()
	c := archive.Config{Bucket: b, Index: index.New(b, index.Config{}), Clock: func() time.Time { return start }}
	var err error
	if s.gpuHour > 0 {
		if c.Prices, err = price.New("EUR", []price.Rate{{GPUHour: decimal.NewFromInt(s.gpuHour)}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.Projects, err = quota.New(nil, []quota.Project{
		{Name: s.owner, Namespaces: quota.Always("vision"), Quotas: []quota.Quota{{DeservedMilli: s.deserved}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return archive.New(c)
}

func TestOutdatedByWhatIsSaidOfThePeriod(t *testing.T) {
	t.Parallel()
	before := said{gpuHour: 2, deserved: 1000, owner: "vision"}
	tests := map[string]struct {
		by     report.Dimension
		chosen bool // the clusters were
		change func(*said)
		want   []archive.Reason
	}{
		"nothing":                             {report.ByProject, false, func(*said) {}, nil},
		"a price":                             {report.ByNode, true, func(s *said) { s.gpuHour = 3 }, []archive.Reason{archive.PricesChanged}},
		"the price book is gone":              {report.ByNode, true, func(s *said) { s.gpuHour = 0 }, []archive.Reason{archive.PricesChanged}},
		"a quota":                             {report.ByProject, true, func(s *said) { s.deserved = 2000 }, []archive.Reason{archive.QuotasChanged}},
		"a quota that the report can't show":  {report.ByNamespace, true, func(s *said) { s.deserved = 2000 }, nil},
		"an owner":                            {report.ByProject, true, func(s *said) { s.owner = "sight" }, []archive.Reason{archive.QuotasChanged, archive.OwnersChanged}},
		"an owner that the report can't show": {report.ByNode, true, func(s *said) { s.owner = "sight" }, nil},
		"a cluster that was backfilled": {
			report.ByNode, false, func(s *said) { s.clusters = []rollup.Hour{hourOf("us-1", 1, 1)} },
			[]archive.Reason{archive.ClustersAdded},
		},
		"a cluster that nobody chose":          {report.ByNode, true, func(s *said) { s.clusters = []rollup.Hour{hourOf("us-1", 1, 1)} }, nil},
		"a cluster with hours of another time": {report.ByNode, false, func(s *said) { s.clusters = []rollup.Hour{hourOf("us-1", 2, 1)} }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newShaky()
			s := spec("eu-1")
			s.GroupBy, s.AllClusters = []report.Dimension{tt.by}, !tt.chosen
			table, err := rolluptest.Table(s, day(1), projectsFor(t, tt.by), nil)
			if err != nil {
				t.Fatal(err)
			}
			publish(t, before.open(t, b), table, showback)
			closeHours(t, b, day(1)...)
			after := before
			tt.change(&after)
			closeHours(t, b, after.clusters...)
			a := after.open(t, b)
			old, err := a.Outdated(t.Context(), list(t, a, archive.Query{}))
			if err != nil {
				t.Fatal(err)
			}
			var got []archive.Reason
			for _, o := range old {
				got = o.Reasons
				if tt.chosen != slices.Equal(o.Clusters, []string{"eu-1"}) || o.TimeZone != "UTC" {
					t.Errorf("outdated is %+v", o)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// projectsFor are projects to group by, where a report needs some.
func projectsFor(t *testing.T, by report.Dimension) *quota.Projects {
	t.Helper()
	if by != report.ByProject {
		return nil
	}
	p, err := quota.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A report that an earlier version made says nothing of prices, quotas, owners.
func TestAReportOfAnEarlierVersionIsOutdatedByItsHoursOnly(t *testing.T) {
	t.Parallel()
	b := newShaky()
	before, after := said{gpuHour: 2, owner: "vision"}, said{gpuHour: 3, owner: "sight"}
	table := roll(t, spec("eu-1"), day(1))
	m := publish(t, before.open(t, newShaky()), table, showback).Manifest
	m.Terms = nil
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, b, "reports/showback/2026-11-20/"+m.ID+"/manifest.json", string(data))
	overwrite(t, b, "reports/showback/2026-11-20/"+m.ID+"/report.csv", csvOf(t, table))
	a := after.open(t, b)
	if err := a.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeHours(t, b, day(1)...)
	closeHours(t, b, hourOf("us-1", 0, 1))
	if old, err := a.Outdated(t.Context(), list(t, a, archive.Query{})); err != nil || len(old) != 0 {
		t.Errorf("outdated are %+v, %v", old, err)
	}
	// The same table is the same report, and not the next revision.
	if done := publish(t, a, table, showback); done.Manifest.ID != m.ID || done.Manifest.Terms != nil {
		t.Errorf("published is %+v", done.Manifest)
	}
}

func csvOf(t *testing.T, table report.Table) string {
	t.Helper()
	var text strings.Builder
	if err := table.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
