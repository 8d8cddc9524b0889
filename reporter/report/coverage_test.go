package report_test

import (
	"testing"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

func TestCoverageRatioTellsWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		coverage report.Coverage
		want     string
	}{
		"all of it": {
			report.Coverage{Coverage: usage.Coverage{Expected: 1000, Allocated: 600, Unallocated: 400}, HoursAsked: 1, HoursClosed: 1}, "1.000000",
		},
		"a hole": {
			report.Coverage{Coverage: usage.Coverage{Expected: 1000, Allocated: 600, Unallocated: 300, Uncovered: 100}, HoursAsked: 1, HoursClosed: 1}, "0.900000",
		},
		"an hour that is missing": {
			report.Coverage{Coverage: usage.Coverage{Expected: 1000, Unallocated: 1000}, HoursAsked: 2, HoursClosed: 1}, "0.500000",
		},
		"parts a rounding above the whole": {
			report.Coverage{Coverage: usage.Coverage{Expected: 10_000, Allocated: 10_001, Residue: -1}, HoursAsked: 1, HoursClosed: 1}, "1.000000",
		},
		"parts far above the whole, which hide a hole": {
			report.Coverage{Coverage: usage.Coverage{Expected: 1000, Allocated: 1040, Uncovered: 10, Residue: -50}, HoursAsked: 1, HoursClosed: 1}, "0.950000",
		},
		"no hour asked for": {report.Coverage{}, "0.000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.coverage.Ratio().String(); got != tc.want {
				t.Errorf("ratio %s, want %s", got, tc.want)
			}
		})
	}
}
