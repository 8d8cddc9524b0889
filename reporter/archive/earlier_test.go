package archive_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
)

const earlierKey = "index/reports/showback.json"

// earlier turns the index of an archive into what a version before it wrote.
func earlier(t testing.TB, b bucket.Bucket, a *archive.Archive) {
	t.Helper()
	all := list(t, a, archive.Query{Name: "showback"})
	var text strings.Builder
	text.WriteString(`{"records":[`)
	for i := range all {
		r := all[len(all)-1-i]
		r.CreatedAt = ""
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString("\n" + string(line))
	}
	text.WriteString("\n" + `],"token":"t","version":1}` + "\n")
	for _, key := range keys(t, b, "index/published/showback/") {
		if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	overwrite(t, b, earlierKey, text.String())
}

// without leaves out what an earlier version didn't record.
func without(records []archive.Record) []archive.Record {
	for i := range records {
		records[i].CreatedAt = ""
	}
	return records
}

func TestAnIndexOfAnEarlierVersionGoesOn(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	want := without(list(t, a, archive.Query{}))
	earlier(t, b, a)

	a = open(b, start)
	before := len(b.written)
	if diff := cmp.Diff(want, without(list(t, a, archive.Query{}))); diff != "" || len(b.written) != before {
		t.Errorf("read (-want +got), with %d writes\n%s", len(b.written)-before, diff)
	}
	// What is the same stays, and what is another table supersedes the latest.
	if done := publishPeriod(t, a, "showback", "2026-10", 0.9); done.Manifest.ID != want[1].ID {
		t.Errorf("published again is %s, not %s", done.Manifest.ID, want[1].ID)
	}
	if done := publishPeriod(t, a, "showback", "2026-10", 0.8); done.Manifest.Supersedes != want[1].ID {
		t.Errorf("the next one supersedes %q, not %s", done.Manifest.Supersedes, want[1].ID)
	}
	for _, split := range []bool{false, true} {
		got := without(list(t, open(b, start), archive.Query{}))
		if diff := cmp.Diff(want, append(got[:1:1], got[2:]...)); diff != "" || got[1].Revision != 4 {
			t.Errorf("afterwards, split %v (-want +got)\n%s", split, diff)
		}
		if _, err := a.Prune(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := keys(t, b, earlierKey); len(got) != 0 {
		t.Errorf("%s is still there", earlierKey)
	}
}

func TestACrashWhileAnIndexIsSplitLosesNothing(t *testing.T) {
	t.Parallel()
	var want []archive.Record
	var latest map[string]archive.Latest
	everyDeath(t,
		func(b bucket.Bucket) {
			a := library(t, b)
			want, latest = without(list(t, a, archive.Query{})), latests(t, b)
			earlier(t, b, a)
			for _, key := range latestKeys(t, b) {
				if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
					t.Fatal(err)
				}
			}
			delete(latest, "reports/pools/20260101T000000Z-20270101T000000Z/latest.json") // its index is not split
		},
		func(b bucket.Bucket) error {
			_, err := open(b, start).Prune(t.Context(), 0)
			return err
		},
		func(t *testing.T, b bucket.Bucket) {
			left := func() []archive.Record {
				var old []archive.Record
				for _, r := range without(list(t, open(b, start), archive.Query{})) {
					if r.Publication() != showback {
						old = append(old, r)
					}
				}
				return old
			}
			if diff := cmp.Diff(want, left()); diff != "" {
				t.Errorf("after the crash (-want +got)\n%s", diff)
			}
			publish(t, open(b, start), roll(t, spec("eu-1"), day(1)), showback)
			if _, err := open(b, start).Prune(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, left()); diff != "" || len(keys(t, b, earlierKey)) != 0 {
				t.Errorf("after the next (-want +got)\n%s", diff)
			}
			got := latests(t, b)
			delete(got, "reports/showback/"+showback.Period+"/latest.json")
			if diff := cmp.Diff(latest, got); diff != "" {
				t.Errorf("latest.json (-want +got)\n%s", diff)
			}
		})
}

// An update is Recreate: two versions don't run at once.
func TestAReporterOfAnEarlierVersionThatStillRunsIsNoticed(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := library(t, b)
	earlier(t, b, a)
	touch := func() {
		overwrite(t, b, earlierKey, strings.Replace(read(t, b, earlierKey), `"token":"t"`, `"token":"u"`, 1))
	}
	_, err := open(&racing{b, touch}, start).Prune(t.Context(), 0)
	if !errors.Is(err, bucket.ErrConflict) || !strings.Contains(err.Error(), "earlier version still writes it") {
		t.Errorf("got %v", err)
	}
	if _, err := open(b, start).Prune(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func TestADamagedIndexOfAnEarlierVersionIsNamed(t *testing.T) {
	t.Parallel()
	b := newShaky()
	library(t, b)
	overwrite(t, b, earlierKey, "{")
	_, err := open(b, start).Publish(t.Context(), roll(t, spec("eu-1"), day(1)), showback)
	if record := (*index.RecordError)(nil); !errors.As(err, &record) || record.Key != earlierKey {
		t.Errorf("got %v", err)
	}
}
