package archive_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

const novemberKey = "index/published/showback/2026-11.json"

// publishPeriod publishes a report of a period in which nothing is closed.
func publishPeriod(t testing.TB, a *archive.Archive, name, period string, coverage float64) archive.Published {
	t.Helper()
	w, err := window.Parse(period, start, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	s := spec("eu-1")
	s.Window, s.MinimumCoverage = w, coverage
	return publish(t, a, roll(t, s, nil), archive.Publication{Name: name, Period: window.Key(w, time.UTC)})
}

func overwrite(t testing.TB, b bucket.Bucket, key, text string) {
	t.Helper()
	if _, err := bucket.PutBytes(context.Background(), b, key, []byte(text), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, b bucket.Bucket, key string) string {
	t.Helper()
	data, _, err := bucket.ReadAll(context.Background(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func keys(t testing.TB, b bucket.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	for object, err := range b.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object.Key)
	}
	return all
}

func TestRecordsLieInTheMonthInWhichTheirPeriodBegins(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := open(b, start)
	for _, period := range []string{"2026-10-31", "2026-11", "2026-11-30", "2026-W49", "2026-W01", "2026-11-05/2026-12-31", "2026-11-05/2027-01-02", "2026-01-01/2027-01-01"} {
		publishPeriod(t, a, "showback", period, 0)
	}
	want := []string{
		"index/published/showback/2025-12.json", "index/published/showback/2026-10.json", novemberKey,
		"index/published/showback/long.json",
	}
	if diff := cmp.Diff(want, keys(t, b, "index/")); diff != "" {
		t.Errorf("objects (-want +got)\n%s", diff)
	}
	var got []string
	for _, r := range list(t, a, archive.Query{}) {
		got = append(got, r.PeriodKey)
	}
	want = []string{
		"2026-W49", "2026-11-30", "20261105T000000Z-20270102T000000Z", "20261105T000000Z-20261231T000000Z", "2026-11", "2026-10-31",
		"20260101T000000Z-20270101T000000Z", "2026-W01",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got)\n%s", diff)
	}
	inOctober := window.Window{From: start.AddDate(0, -1, 0), To: start.AddDate(0, -1, 1)}
	if got := list(t, a, archive.Query{Window: inOctober}); len(got) != 1 || got[0].PeriodKey != "20260101T000000Z-20270101T000000Z" {
		t.Errorf("of a day in October: %+v", got)
	}
}

func TestTheIndexIsReadable(t *testing.T) {
	t.Parallel()
	b := newShaky()
	publishPeriod(t, open(b, start), "showback", "2026-11-19", 0)
	got := read(t, b, novemberKey)
	for _, part := range []string{
		`{"records":[` + "\n" + `{"coverage_ratio":"0.000000","created_at":"2026-11-20T00:00:00Z","from":"2026-11-19T00:00:00Z","hours_asked":24,"hours_closed":0,"id":"`,
		`","name":"showback","period_key":"2026-11-19","provisional":false,"revision":1,"rows":0,"state":"Ready","supersedes":"","to":"2026-11-20T00:00:00Z"}` + "\n" + `],"token":"`,
		`","updated":"2026-11-20T00:00:00Z","version":1}` + "\n",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("the object is\n%s\nand lacks\n%s", got, part)
		}
	}
}

// A page reads the months that it has records of, and what didn't change is not
// read again.
func TestAPageReadsNoMoreThanItsMonths(t *testing.T) {
	t.Parallel()
	for _, etags := range []bool{false, true} {
		b := &counting{Bucket: newShaky(), etags: etags}
		a := open(b, start)
		for month := range 6 {
			for day := range 5 {
				publishPeriod(t, a, "showback", fmt.Sprintf("2026-%02d-%02d", 6+month, 1+day), 0)
			}
		}
		page := func(a *archive.Archive) (n int) {
			b.reset()
			for _, err := range a.List(t.Context(), archive.Query{Name: "showback"}) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 7 {
					break
				}
			}
			return n
		}
		cold := open(b, start)
		if n := page(cold); n != 7 || b.gets != 2 || b.lists != 2 {
			t.Errorf("a cold page of %d reads %d objects and %d lists", n, b.gets, b.lists)
		}
		page(cold)
		if want := map[bool]int{false: 2, true: 0}[etags]; b.gets != 0 || b.lists != 1 || b.stats != want {
			t.Errorf("a warm page reads %d objects, looks at %d, and lists %d times", b.gets, b.stats, b.lists)
		}
		publishPeriod(t, open(b, start), "showback", "2026-11-09", 0) // another process
		if page(cold); b.gets != 1 {
			t.Errorf("after a change a page reads %d objects", b.gets)
		}
	}
}

func TestABrokenIndexIsNamed(t *testing.T) {
	t.Parallel()
	for key, text := range map[string]string{
		novemberKey:                             `{"version":1}`,
		"index/published/showback/long.json":    "{",
		"index/reports/showback.json":           `{"version":1}`,
		"index/published/showback/2026-13.json": "{}",
		"index/published/showback.json":         "{}",
		"index/reports/a/b.json":                "{}",
	} {
		b := newShaky()
		overwrite(t, b, key, text)
		var err error
		for _, err = range open(b, start).List(t.Context(), archive.Query{}) {
			if err != nil {
				break
			}
		}
		if record := (*index.RecordError)(nil); !errors.As(err, &record) || record.Key != key {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func TestAnIndexOfALaterVersionIsNotTouched(t *testing.T) {
	t.Parallel()
	b := newShaky()
	const later = `{"reports":{},"version":2}`
	overwrite(t, b, novemberKey, later)
	a := open(b, start)
	_, published := a.Publish(t.Context(), roll(t, spec("eu-1"), day(1)), showback)
	for what, err := range map[string]error{"Publish": published, "Rebuild": a.Rebuild(t.Context())} {
		if wrong := (*index.VersionError)(nil); !errors.As(err, &wrong) || wrong.Key != novemberKey {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if got := read(t, b, novemberKey); got != later {
		t.Errorf("the object is now %s", got)
	}
}

func TestRevisionsOfOnePeriod(t *testing.T) {
	t.Parallel()
	a := open(newShaky(), start)
	first := publishPeriod(t, a, "showback", "2026-10", 0)
	publishPeriod(t, a, "showback", "2026-11", 0)
	third := publishPeriod(t, a, "showback", "2026-10", 0.9)
	all := list(t, a, archive.Query{Name: "showback"})
	if len(all) != 3 || all[1].ID != third.Manifest.ID || all[2].ID != first.Manifest.ID {
		t.Fatalf("listed are %+v", all)
	}
	if r := all[1]; r.Supersedes != first.Manifest.ID || r.Revision != 2 || r.State != report.Failed || r.HoursAsked != 744 || r.KeyPrefix+"manifest.json" != third.ManifestKey {
		t.Errorf("the record is %+v", r)
	}
	if current := list(t, a, archive.Query{Current: true}); len(current) != 2 || current[1].Revision != 2 {
		t.Errorf("current are %+v", current)
	}
	names, err := a.Names(t.Context())
	if diff := cmp.Diff([]string{"showback"}, names); err != nil || diff != "" {
		t.Errorf("names: %v (-want +got)\n%s", err, diff)
	}
}
