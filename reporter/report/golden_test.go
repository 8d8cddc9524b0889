package report_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, groupBy := range map[string][]report.Dimension{
		"project":      {report.ByProject},
		"project_pool": {report.ByNodePool, report.ByProject},
		"department":   {report.ByDepartment},
		"pod":          {report.ByPod, report.ByProject},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := roll(t, spec(groupBy...), fleet(), projects(t), book(t))
			var csv, text bytes.Buffer
			if err := table.WriteCSV(&csv); err != nil {
				t.Fatal(err)
			}
			if err := table.WriteText(&text, "showback 2026-11-20"); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".csv", csv.Bytes())
			golden(t, name+".txt", text.Bytes())
		})
	}
}

func TestGoldenManifests(t *testing.T) {
	t.Parallel()
	made := start.Add(3 * time.Hour)
	ready := roll(t, spec(report.ByNamespace), fleet(), projects(t), book(t))

	broken := fleet()[:1]
	broken[0].Findings = []usage.Finding{{Code: usage.TwoCollectors, Count: 1, Named: []string{"GPU-a"}}}
	broken[0].Segments = append(broken[0].Segments, held(0, "old-1", "GPU-d", t4, "speech", "asr", 0, 60), held(0, "old-1", "GPU-e", t4, "speech", "asr", 0, 60))
	failed := roll(t, spec(report.ByNamespace), broken, nil, book(t))
	for name, table := range map[string]report.Table{"ready.json": ready, "failed.json": failed} {
		m := table.Manifest(made)
		m.Name, m.ID, m.Period.Key = "showback", "r1", "2026-11-20"
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, data)
	}
}

func TestPlainReport(t *testing.T) {
	t.Parallel()
	s := spec()
	s.Provisional, s.TimeZone = true, ""
	hours := fleet()[:1]
	hours[0].Segments = append(hours[0].Segments, other(0, "base-2", "GPU-d", t4, usage.Unallocated, 0, 60))
	table := roll(t, s, hours, nil, nil)
	var csv, text bytes.Buffer
	if err := table.WriteCSV(&csv); err != nil {
		t.Fatal(err)
	}
	if err := table.WriteText(&text, "showback 2026-11-20"); err != nil {
		t.Fatal(err)
	}
	golden(t, "plain.csv", csv.Bytes())
	golden(t, "plain.txt", text.Bytes())
}
