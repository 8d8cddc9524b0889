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
	if got := keys(t, b, earlierKey); len(got) != 0 {
		t.Errorf("%s is still there", earlierKey)
	}
	if done := publishPeriod(t, a, "showback", "2026-10", 0.8); done.Manifest.Supersedes != want[1].ID {
		t.Errorf("the next one supersedes %q, not %s", done.Manifest.Supersedes, want[1].ID)
	}
	got := without(list(t, open(b, start), archive.Query{}))
	if diff := cmp.Diff(want, append(got[:1:1], got[2:]...)); diff != "" || got[1].Revision != 4 {
		t.Errorf("afterwards (-want +got)\n%s", diff)
	}
}

func TestACrashWhileAnIndexIsSplitLosesNothing(t *testing.T) {
	t.Parallel()
	var want []archive.Record
	everyDeath(t,
		func(b bucket.Bucket) {
			a := library(t, b)
			want = without(list(t, a, archive.Query{}))
			earlier(t, b, a)
		},
		func(b bucket.Bucket) error {
			_, err := open(b, start).Publish(t.Context(), roll(t, spec("eu-1"), day(1)), showback)
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
			if diff := cmp.Diff(want, left()); diff != "" || len(keys(t, b, earlierKey)) != 0 {
				t.Errorf("after the next (-want +got)\n%s", diff)
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
	_, err := open(&racing{b, touch}, start).Publish(t.Context(), roll(t, spec("eu-1"), day(1)), showback)
	if !errors.Is(err, bucket.ErrConflict) || !strings.Contains(err.Error(), "earlier version still writes it") {
		t.Errorf("got %v", err)
	}
	publish(t, open(b, start), roll(t, spec("eu-1"), day(1)), showback)
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
