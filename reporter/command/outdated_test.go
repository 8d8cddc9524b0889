package command_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/command"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	hour := func(n int) window.Window { return window.Hour(from.Add(time.Duration(n) * time.Hour)) }
	record := func(key string) archive.Record {
		return archive.Record{Name: "usage", PeriodKey: key, From: from, To: from.AddDate(0, 0, 1)}
	}
	tests := map[string]struct {
		outdated archive.Outdated
		changed  []window.Window
		want     string
		schedule bool
	}{
		"an hour changed": {
			archive.Outdated{Record: record("2026-11-20"), GroupBy: []report.Dimension{report.ByProject}, TimeZone: "UTC", Reasons: []archive.Reason{archive.HoursChanged}},
			[]window.Window{hour(9), hour(24)},
			"Report usage 2026-11-20 is outdated: hour 2026-11-20T09Z changed after it was made. " +
				"Make it again with gputally-reporter report --name=usage --period=2026-11-20 --by=project",
			false,
		},
		"an hour of a schedule's report changed": {
			archive.Outdated{Record: record("2026-11-20_Europe.Berlin"), GroupBy: []report.Dimension{report.ByProject}, TimeZone: "Europe/Berlin", Reasons: []archive.Reason{archive.HoursChanged}},
			[]window.Window{hour(9)},
			"Report usage 2026-11-20_Europe.Berlin is outdated: hour 2026-11-20T09Z changed after it was made. " +
				"Make it again with gputally-reporter report --schedule=usage --period=2026-11-20",
			true,
		},
		"hours changed, and more": {
			archive.Outdated{
				Record: record("2026-11-20_Europe.Berlin"), TimeZone: "Europe/Berlin", Clusters: []string{"eu-1", "eu-2"},
				GroupBy: []report.Dimension{report.ByCluster, report.ByNamespace, report.ByPod, report.ByPodUID},
				Reasons: []archive.Reason{archive.HoursChanged, archive.PricesChanged},
			},
			[]window.Window{hour(9), hour(4)},
			"Report usage 2026-11-20_Europe.Berlin is outdated: 2 hours, the first 2026-11-20T04Z, changed after it was made; the price book says something else of its period now. " +
				"Make it again with gputally-reporter report --name=usage --period=2026-11-20 --by=cluster,namespace,pod --time-zone=Europe/Berlin --cluster=eu-1 --cluster=eu-2",
			false,
		},
		"another reason, for a period of its own": {
			archive.Outdated{Record: record("20261120T000000Z-20261121T000000Z"), Reasons: []archive.Reason{archive.ClustersAdded, archive.QuotasChanged, archive.OwnersChanged}},
			nil,
			"Report usage 20261120T000000Z-20261121T000000Z is outdated: another cluster has hours of its period now; projects have other quotas in its period now; namespaces have other owners in its period now. " +
				"Make it again with gputally-reporter report --name=usage --period=2026-11-20T00:00:00Z/2026-11-21T00:00:00Z --by=none",
			false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, command.Explain(tt.outdated, tt.changed, tt.schedule)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
