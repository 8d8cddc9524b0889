package report_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/report"
)

func TestParseGroupBy(t *testing.T) {
	t.Parallel()
	got, err := report.ParseGroupBy("project, node_pool")
	if diff := cmp.Diff([]report.Dimension{report.ByProject, report.ByNodePool}, got); err != nil || diff != "" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := report.ParseGroupBy(""); err != nil || got != nil {
		t.Errorf("an empty list: got %v, %v", got, err)
	}
	for _, bad := range []string{"team", "project,", "project,project", "pod_uid", "Project"} {
		if got, err := report.ParseGroupBy(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

func TestSpecCheck(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		change func(*report.Spec)
		want   string // "" is no error
	}{
		"a good one":                        {func(*report.Spec) {}, ""},
		"an empty window":                   {func(s *report.Spec) { s.Window.To = s.Window.From }, "empty"},
		"a window of parts of milliseconds": {func(s *report.Spec) { s.Window.To = s.Window.To.Add(time.Microsecond) }, "millisecond"},
		"an unknown zone":                   {func(s *report.Spec) { s.TimeZone = "Europe/Atlantis" }, "time zone"},
		"the zone of the machine":           {func(s *report.Spec) { s.TimeZone = "Local" }, "time zone"},
		"an unknown dimension":              {func(s *report.Spec) { s.GroupBy = []report.Dimension{"team"} }, "team"},
		"a dimension twice":                 {func(s *report.Spec) { s.GroupBy = []report.Dimension{"pod", "pod"} }, "twice"},
		"coverage beyond all":               {func(s *report.Spec) { s.MinimumCoverage = 1.01 }, "coverage"},
		"coverage that is no number":        {func(s *report.Spec) { s.MinimumCoverage = math.NaN() }, "coverage"},
	} {
		s := spec(report.ByNamespace)
		c.change(&s)
		err := s.Check()
		if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want an error with %q", sentence, err, c.want)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	states := []report.State{report.Pending, report.Processing, report.Ready, report.Failed}
	open := map[[2]report.State]bool{
		{report.Pending, report.Processing}: true, {report.Processing, report.Ready}: true, {report.Processing, report.Failed}: true,
	}
	for _, from := range states {
		for _, to := range states {
			got, err := from.To(to)
			var refused *report.StateError
			if open[[2]report.State{from, to}] {
				if err != nil || got != to {
					t.Errorf("%s to %s: %s, %v", from, to, got, err)
				}
			} else if !errors.As(err, &refused) || got != from {
				t.Errorf("%s to %s: %s, %v", from, to, got, err)
			}
		}
	}
}

// No tool of the project makes such names, a ledger written by hand might.
func TestNamesDoNotBecomeFormulas(t *testing.T) {
	t.Parallel()
	hours := fleet()
	for _, name := range []string{"=cmd()", "+1", "-1", "@sum"} {
		s := held(0, "base-9", "GPU-z", h100, name, `a "quoted", name`, 0, 1)
		s.UUID += name
		hours[0].Segments = append(hours[0].Segments, s)
		hours[0].Coverage.Expected += s.GPUMillis
	}
	table := roll(t, spec(report.ByPod), hours, nil, nil)
	var out bytes.Buffer
	if err := table.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{",'=cmd(),", ",'+1,", ",'-1,", ",'@sum,", `,"a ""quoted"", name",`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the file has no %s", want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestWritersReturnTheErrorOfTheirWriter(t *testing.T) {
	t.Parallel()
	table := roll(t, spec(report.ByPod), fleet(), nil, nil)
	for name, err := range map[string]error{"csv": table.WriteCSV(full{}), "text": table.WriteText(full{}, "showback 2026-11-20")} {
		if err == nil || !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
