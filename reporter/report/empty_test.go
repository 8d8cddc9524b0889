package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/window"
)

func TestPeriodWithoutAClosedHourShowsNoFigures(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	r, err := rollup.New(report.Spec{
		Window:  window.Window{From: day, To: day.AddDate(0, 0, 1)},
		GroupBy: []report.Dimension{report.ByNamespace}, Clusters: []string{"eu-1"}, MinimumCoverage: 0.99,
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.Table()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := table.WriteText(&out, "empty 2026-11-10"); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); table.State() != report.Failed || !strings.Contains(text, "Nothing is known") || strings.Contains(text, "GPU-HOURS") {
		t.Errorf("state %s:\n%s", table.State(), text)
	}
}
