package archive_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
)

// of are the names, periods and revisions of records.
func of(records []archive.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Name+" "+r.PeriodKey+" "+string('0'+rune(r.Revision)))
	}
	return all
}

func TestDelete(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		deleted []int // revisions
		latest  int   // afterwards, 0 for none
		next    int   // the revision that another table gets
	}{
		"the latest": {[]int{2}, 1, 3},
		"an old one": {[]int{1}, 2, 3},
		"both":       {[]int{1, 2}, 0, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newShaky()
			a := open(b, start)
			publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
			publish(t, a, roll(t, spec("eu-1"), day(2)), showback)
			publishPeriod(t, a, "showback", "2026-11", 0)
			for _, r := range list(t, a, archive.Query{Period: showback.Period}) {
				if !slices.Contains(tt.deleted, r.Revision) {
					continue
				}
				for range 2 {
					if err := a.Delete(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
				if left := keys(t, b, r.KeyPrefix); len(left) != 0 {
					t.Errorf("left are %v", left)
				}
				if _, err := a.Manifest(t.Context(), r); !errors.Is(err, archive.ErrNotFound) {
					t.Errorf("the manifest: %v", err)
				}
			}
			if n := len(list(t, a, archive.Query{Period: showback.Period})); n != 2-len(tt.deleted) {
				t.Errorf("%d are listed", n)
			}
			l, err := a.Latest(t.Context(), showback)
			if l.Revision != tt.latest || errors.Is(err, archive.ErrNotFound) != (tt.latest == 0) {
				t.Errorf("the latest is %+v, %v", l, err)
			}
			whole(t, b)
			publish(t, a, roll(t, spec("eu-1"), day(3)), showback)
			if all := list(t, a, archive.Query{Period: showback.Period}); all[0].Revision != tt.next {
				t.Errorf("the next is %+v", all[0])
			}
			if got := list(t, a, archive.Query{Period: "2026-11"}); len(got) != 1 {
				t.Error("another period's report is gone")
			}
		})
	}
}

func TestACrashOfDeleteIsEndedByTheNext(t *testing.T) {
	t.Parallel()
	var r archive.Record
	everyDeath(t,
		func(b bucket.Bucket) {
			a := open(b, start)
			publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
			publish(t, a, roll(t, spec("eu-1"), day(2)), showback)
			r = list(t, a, archive.Query{})[0]
		},
		func(b bucket.Bucket) error { return open(b, start).Delete(t.Context(), r) },
		func(t *testing.T, b bucket.Bucket) {
			a := open(b, start)
			l, err := a.Latest(t.Context(), showback)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.Open(t.Context(), archive.Record{Name: l.Name, PeriodKey: l.Period, ID: l.ID}, "report.csv"); err != nil {
				t.Errorf("latest.json points to what is not there: %v", err)
			}
			if err := a.Delete(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			whole(t, b)
			if l, err := a.Latest(t.Context(), showback); err != nil || l.Revision != 1 || len(keys(t, b, r.KeyPrefix)) != 0 {
				t.Errorf("the latest is %+v, %v", l, err)
			}
		})
}

// kept fills an archive with reports of several ages.
func kept(t testing.TB, b bucket.Bucket) {
	t.Helper()
	a := open(b, start)
	for _, period := range []string{"2026-08-30", "2026-08-31", "2026-09-01", "2026-11-19", "2026-07-01/2026-11-01"} {
		publishPeriod(t, a, "daily", period, 0)
	}
	publishPeriod(t, a, "daily", "2026-08-31", 0.9)
	publishPeriod(t, a, "monthly", "2026-05", 0)
	publishPeriod(t, a, "monthly", "2026-06", 0)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	long := "daily 20260701T000000Z-20261101T000000Z 1"
	tests := map[string]struct {
		retain time.Duration
		want   []string
	}{
		"for ever": {0, []string{"daily 2026-11-19 1", "daily 2026-09-01 1", "daily 2026-08-31 2", "daily 2026-08-31 1", "daily 2026-08-30 1", long, "monthly 2026-06 1", "monthly 2026-05 1"}},
		"what ended at that instant goes, with all of its revisions": {80 * day, []string{"daily 2026-11-19 1", "daily 2026-09-01 1", long, "monthly 2026-06 1"}},
		"the newest period of a name stays":                          {time.Hour, []string{"daily 2026-11-19 1", "monthly 2026-06 1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newShaky()
			kept(t, b)
			before := len(list(t, open(b, start), archive.Query{}))
			for again := range 2 {
				n, err := open(b, start).Prune(t.Context(), tt.retain)
				if want := (before - len(tt.want)) * (1 - again); err != nil || n != want {
					t.Errorf("%d are pruned, %v; want %d", n, err, want)
				}
			}
			if diff := cmp.Diff(tt.want, of(list(t, open(b, start), archive.Query{}))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			whole(t, b)
			periods := map[string]bool{}
			for _, key := range append(keys(t, b, "reports/"), keys(t, b, "state/reports/")...) {
				name, period, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(key, "state/"), "reports/"), "/")
				period, _, _ = strings.Cut(period, "/")
				periods[name+" "+period] = true
			}
			for _, want := range tt.want {
				delete(periods, want[:len(want)-2])
			}
			if len(periods) != 0 {
				t.Errorf("something is left of %v", periods)
			}
		})
	}
}

func TestACrashOfPruneIsEndedByTheNext(t *testing.T) {
	t.Parallel()
	everyDeath(t,
		func(b bucket.Bucket) { kept(t, b) },
		func(b bucket.Bucket) error {
			_, err := open(b, start).Prune(t.Context(), 80*24*time.Hour)
			return err
		},
		func(t *testing.T, b bucket.Bucket) {
			if _, err := open(b, start).Prune(t.Context(), 80*24*time.Hour); err != nil {
				t.Fatal(err)
			}
			whole(t, b)
			if got := list(t, open(b, start), archive.Query{}); len(got) != 4 {
				t.Errorf("listed are %v", of(got))
			}
		})
}

func TestPruneSplitsTheIndexOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	want := without(list(t, a, archive.Query{}))
	earlier(t, b, a)
	a = open(b, start)
	if n, err := a.Prune(t.Context(), 0); err != nil || n != 0 || len(keys(t, b, "index/reports/")) != 0 {
		t.Errorf("pruned %d, %v", n, err)
	}
	if diff := cmp.Diff(want, without(list(t, a, archive.Query{}))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
