package index_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// closedDay closes the hours of a day and notes them, compacts the day, and
// prunes the hours' own objects.
func closedDay(t testing.TB, b bucket.Bucket, day window.Window) (*ledger.Ledger, *index.Index) {
	t.Helper()
	l, x := ledger.New(b, ledger.Config{}), index.New(b, index.Config{Clock: clock})
	for hour := range day.Hours() {
		closed(t, l, x, "prod", hour, "gputally")
	}
	closed(t, l, x, "prod", window.Hour(day.From), "dcgm") // revision 2
	if _, err := l.Compact(context.Background(), "prod", day, ledger.Compaction{}); err != nil {
		t.Fatal(err)
	}
	pruned, err := l.Prune(context.Background(), "prod", ledger.Pruning{Retention: ledger.Retention{Hourly: time.Hour}, Now: clock()})
	if err != nil || pruned.Hourly.Objects != 24 {
		t.Fatalf("pruned %+v, %v", pruned, err)
	}
	return l, x
}

func theDay(t testing.TB) window.Window {
	t.Helper()
	return window.Window{From: at(t, "2026-11-20T00:00:00Z"), To: at(t, "2026-11-21T00:00:00Z")}
}

func TestRebuildFindsHoursThatOnlyTheDailyTableHas(t *testing.T) {
	t.Parallel()
	b := empty()
	l, x := closedDay(t, b, theDay(t))
	want := stateOf(t, x)
	if err := b.Delete(context.Background(), hoursKey, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if err := x.Rebuild(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stateOf(t, x)); diff != "" {
		t.Errorf("index (-before the prune +rebuilt):\n%s", diff)
	}
	overwrite(t, b, ledger.DayKey("prod", theDay(t)), "damaged")
	if err := x.Rebuild(context.Background(), l); err == nil || !strings.Contains(err.Error(), ledger.DayKey("prod", theDay(t))) {
		t.Errorf("with a damaged day: %v", err)
	}
	if got := stateOf(t, x).Hours["prod"]; len(got) != 0 {
		t.Errorf("%d hours of a day that can't be read", len(got))
	}
}

func TestForgettingHours(t *testing.T) {
	t.Parallel()
	b := empty()
	_, x := library(t, b)
	last, first := hourAt(t, "2026-10-31T23:00:00Z"), hourAt(t, "2026-11-01T00:00:00Z")
	for range 2 { // the second time they are gone already
		if err := x.ForgetHours(context.Background(), "prod", []window.Window{last, first, hourAt(t, "2020-01-01T00:00:00Z")}); err != nil {
			t.Fatal(err)
		}
		s := stateOf(t, x)
		if got := s.Hours["prod"]; len(got) != 1 || got[0].From != first.To {
			t.Errorf("hours are %+v", got)
		}
		if len(s.Hours["edge"]) != 1 {
			t.Error("another cluster's hours are forgotten")
		}
	}
	if slices.Contains(keys(t, b, "index/hours/"), "index/hours/cluster=prod/2026-10.json") {
		t.Error("a month without hours has an object")
	}
	overwrite(t, b, hoursKey, "{")
	if err := x.ForgetHours(context.Background(), "prod", []window.Window{first}); err == nil || !strings.Contains(err.Error(), "index rebuild") {
		t.Errorf("a broken index: %v", err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	one, two := hourAt(t, "2026-11-20T01:00:00Z"), hourAt(t, "2026-11-20T02:00:00Z")
	tests := map[string]struct {
		happen func(t *testing.T, b bucket.Bucket, l *ledger.Ledger, x *index.Index)
		want   []string
	}{
		"nothing happened": {func(*testing.T, bucket.Bucket, *ledger.Ledger, *index.Index) {}, nil},
		"an hour is forgotten": {func(t *testing.T, _ bucket.Bucket, _ *ledger.Ledger, x *index.Index) {
			if err := x.ForgetHours(context.Background(), "prod", []window.Window{one}); err != nil {
				t.Fatal(err)
			}
		}, []string{"index: " + hoursKey + ": it does not know hour 2026-11-20T01:00:00Z; make the index again with gputally-reporter index rebuild"}},
		"an hour is not in the ledger": {func(t *testing.T, _ bucket.Bucket, _ *ledger.Ledger, x *index.Index) {
			putHour(t, x, hourRecord("prod", hourAt(t, "2026-11-19T23:00:00Z"), 1))
		}, []string{"it knows hour 2026-11-19T23:00:00Z, which is not in the ledger"}},
		"an hour was restated and not noted": {func(t *testing.T, _ bucket.Bucket, l *ledger.Ledger, _ *index.Index) {
			closed(t, l, index.New(empty(), index.Config{}), "prod", two, "dcgm")
		}, []string{"it has revision 1 of hour 2026-11-20T02:00:00Z, whose revision is 2"}},
		"a record says something else": {func(t *testing.T, _ bucket.Bucket, _ *ledger.Ledger, x *index.Index) {
			putHour(t, x, hourRecord("prod", one, 1))
		}, []string{"it says something else of hour 2026-11-20T01:00:00Z"}},
		"the index is broken": {
			func(t *testing.T, b bucket.Bucket, _ *ledger.Ledger, _ *index.Index) { overwrite(t, b, hoursKey, "{") },
			[]string{"damaged: " + hoursKey},
		},
		"a later version wrote it": {func(t *testing.T, b bucket.Bucket, _ *ledger.Ledger, _ *index.Index) {
			overwrite(t, b, hoursKey, `{"version":99}`)
		}, []string{"damaged: " + hoursKey}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			l, x := closedDay(t, b, theDay(t))
			tt.happen(t, b, l, x)
			var got []string
			month := window.Window{From: at(t, "2026-11-01T00:00:00Z"), To: at(t, "2026-12-01T00:00:00Z")}
			err := x.Verify(context.Background(), l, "prod", month, func(f ledger.Finding) error {
				got = append(got, f.String())
				return nil
			})
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("got %q, %v; want %q", got, err, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestVerifyReadsARecordWithoutLateTime(t *testing.T) {
	t.Parallel()
	b := empty()
	l, x := ledger.New(b, ledger.Config{}), index.New(b, index.Config{Clock: clock})
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	entry, err := l.Put(context.Background(), usage.Hour{Cluster: "prod", Window: hour, Source: "gputally", Coverage: usage.Coverage{Expected: 7, Late: 3}})
	if err != nil {
		t.Fatal(err)
	}
	old := index.Hour(entry)
	old.Coverage.Late = 0 // as versions wrote it that did not note it
	putHour(t, x, old)
	if strings.Contains(read(t, b, hoursKey), "late_ms") {
		t.Error("a record without late time says something of it")
	}
	noFinding := func() {
		t.Helper()
		err := x.Verify(context.Background(), l, "prod", hour, func(f ledger.Finding) error {
			t.Errorf("found %+v", f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	noFinding()
	putHour(t, x, index.Hour(entry))
	if !strings.Contains(read(t, b, hoursKey), `"late_ms":3`) {
		t.Error("the record does not say what is late")
	}
	noFinding()
}
