package archive_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/report"
)

func latestKeys(t testing.TB, b bucket.Bucket) []string {
	t.Helper()
	var found []string
	for _, key := range keys(t, b, "reports/") {
		if strings.HasSuffix(key, "/latest.json") {
			found = append(found, key)
		}
	}
	return found
}

// latests are the latest.json by key, without their tokens.
func latests(t testing.TB, b bucket.Bucket) map[string]archive.Latest {
	t.Helper()
	found := map[string]archive.Latest{}
	for _, key := range latestKeys(t, b) {
		var l archive.Latest
		if err := json.Unmarshal([]byte(read(t, b, key)), &l); err != nil {
			t.Fatal(err)
		}
		l.Token = ""
		found[key] = l
	}
	return found
}

func TestLatestPointsToTheLatestRevision(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := open(b, start)
	if _, err := a.Latest(t.Context(), showback); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("before there is one: %v", err)
	}
	for i, table := range []report.Table{roll(t, spec("eu-1"), day(1)), roll(t, spec("eu-1"), day(2)), failed(t)} {
		done := publish(t, a, table, showback)
		want := archive.Latest{
			CSV: done.CSVKey, ID: done.Manifest.ID, Manifest: done.ManifestKey, Name: "showback", Period: "2026-11-20",
			Revision: i + 1, State: table.State(), Version: 1,
		}
		got, err := a.Latest(t.Context(), showback)
		got.Token = ""
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	}
	if n := len(latestKeys(t, b)); n != 1 {
		t.Errorf("the period has %d latest.json", n)
	}
}

// A replica that is late must not have it point back.
func TestLatestNeverPointsBack(t *testing.T) {
	t.Parallel()
	b := newShaky()
	racing := &between{Bucket: b, name: "manifest.json"}
	racing.act = func() { publish(t, open(b, start), roll(t, spec("eu-1"), day(2)), showback) }
	first := publish(t, open(racing, start), roll(t, spec("eu-1"), day(1)), showback)
	l, err := open(b, start).Latest(t.Context(), showback)
	if err != nil || l.Revision != 2 || l.ID == first.Manifest.ID {
		t.Errorf("the latest is %+v, %v", l, err)
	}
}

func TestLatestAfterManyReplicas(t *testing.T) {
	t.Parallel()
	b := newShaky()
	var replicas sync.WaitGroup
	for revision := range 8 {
		table := roll(t, spec("eu-1"), day(revision+1))
		replicas.Go(func() {
			if _, err := open(b, start).Publish(t.Context(), table, showback); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	all := list(t, open(b, start), archive.Query{})
	l, err := open(b, start).Latest(t.Context(), showback)
	if err != nil || len(all) != 8 || l.ID != all[0].ID || l.Revision != all[0].Revision {
		t.Errorf("the latest is %+v, %v, and the newest of %d is revision %d", l, err, len(all), all[0].Revision)
	}
}

func TestADamagedLatestIsWrittenAgain(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := open(b, start)
	publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
	overwrite(t, b, "reports/showback/2026-11-20/latest.json", "{")
	if _, err := a.Latest(t.Context(), showback); !errors.As(err, new(*archive.DamageError)) {
		t.Errorf("got %v, want a *DamageError", err)
	}
	publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
	if l, err := a.Latest(t.Context(), showback); err != nil || l.Revision != 1 {
		t.Errorf("got %+v, %v", l, err)
	}
}
