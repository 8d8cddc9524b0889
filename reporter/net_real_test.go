//go:build real

package reporter_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter"
)

// The tests of the files net_*_real_test.go drive the reporter from the outside
// against servers that are not what they should be. Some of its faults are
// known and not mended yet: their cases are marked, and fail once they pass.

// verdict is what a case finds wrong.
type verdict struct{ wrong []string }

func (v *verdict) errorf(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

// judge fails the test if anything is wrong. If the fault is known, it fails the
// test if nothing is.
func (v *verdict) judge(t *testing.T, known bool) {
	t.Helper()
	found := strings.Join(v.wrong, "\n")
	switch {
	case known && found == "":
		t.Error("this fault is mended: remove its mark")
	case known:
		t.Logf("known fault:\n%s", found)
	case found != "":
		t.Error(found)
	}
}

// ends notes unless a command ended with one of the codes.
func (v *verdict) ends(r result, what string, codes ...int) bool {
	if slices.Contains(codes, r.code) {
		return true
	}
	v.errorf("%s ends with %d, want %v: %s", what, r.code, codes, r.message)
	for line := range strings.Lines(r.stdout) {
		if strings.HasPrefix(line, "BAD") {
			v.errorf("%s", strings.TrimSpace(line))
		}
	}
	return false
}

// amounts are the GPU-seconds of a report by state and the columns that were
// asked for, with slashes between them.
type amounts map[string]float64

func amountsOf(t *testing.T, csv string, columns ...string) amounts {
	t.Helper()
	all := amounts{}
	for _, row := range parseCSV(t, []byte(csv)) {
		key := row["state"]
		for _, column := range columns {
			key += "/" + row[column]
		}
		all[key] += number(t, row["gpu_seconds"])
	}
	return all
}

// total adds up the rows of states that begin with a prefix; time for which a
// node was not there is in no sum.
func (a amounts) total(prefix string) (sum float64) {
	for key, v := range a {
		if strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, "absent") {
			sum += v
		}
	}
	return sum
}

// are notes each amount that is another one than is wanted.
func (v *verdict) are(got, want amounts, tolerance float64) {
	both := maps.Clone(got)
	maps.Copy(both, want)
	for _, key := range slices.Sorted(maps.Keys(both)) {
		if math.Abs(got[key]-want[key]) > tolerance {
			v.errorf("%s has %.3f GPU-seconds, want %.3f ± %v", key, got[key], want[key], tolerance)
		}
	}
}

// areOrGaps notes each amount that is more than is wanted, and what lacks
// without being uncovered.
func (v *verdict) areOrGaps(got, want amounts, tolerance float64) {
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if !strings.HasPrefix(key, "uncovered") && got[key] > want[key]+tolerance {
			v.errorf("%s has %.3f GPU-seconds, which is more than %.3f", key, got[key], want[key])
		}
	}
	if sum, whole := got.total(""), want.total(""); math.Abs(sum-whole) > tolerance {
		v.errorf("all has %.3f GPU-seconds, want %.3f ± %v", sum, whole, tolerance)
	}
}

// netBooks is a bucket of a case, with its configuration.
type netBooks struct {
	config string
	at     time.Time
}

// rows makes a report of a period and returns what it prints, whether it is
// Failed or not.
func (n netBooks) rows(t *testing.T, by string, args ...string) (amounts, result) {
	t.Helper()
	r := run(t, n.at, append([]string{"report", "--dry-run", "--format=csv", "--by=" + by, n.config}, args...)...)
	if r.code != reporter.ExitOK && r.code != reporter.ExitReport {
		t.Fatalf("exit code %d: %s", r.code, r.message)
	}
	return amountsOf(t, r.stdout, strings.Split(by, ",")...), r
}

func period(from, to time.Time) string {
	return "--period=" + from.Format(time.RFC3339) + "/" + to.Format(time.RFC3339)
}
