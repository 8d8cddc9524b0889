package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/report"
)

func TestPublishWritesTheManifestLast(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec("eu-1"), day(1))
	done := publish(t, open(b, start), table, showback)
	if diff := cmp.Diff([]string{done.CSVKey, done.ManifestKey, "reports/showback/2026-11-20/latest.json"}, b.reports()); diff != "" {
		t.Errorf("order of writes (-want +got)\n%s", diff)
	}
	csv := b.content(t, done.CSVKey)
	sum := sha256.Sum256(csv)
	want := []report.File{{Name: "report.csv", Size: int64(len(csv)), Rows: 1, SHA256: hex.EncodeToString(sum[:])}}
	stored, err := report.DecodeManifest(b.content(t, done.ManifestKey))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stored.Files); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(done.Manifest, stored, cmpopts.IgnoreUnexported(stored)); diff != "" {
		t.Errorf("published (-want +got)\n%s", diff)
	}
	if lines := bytes.Count(csv, []byte("\n")); lines != 1+want[0].Rows {
		t.Errorf("the file has %d lines and %d rows", lines, want[0].Rows)
	}
	if stored.CreatedAt != "2026-11-20T00:00:00Z" {
		t.Errorf("created at %s", stored.CreatedAt)
	}
}

// The ids of reports that earlier versions made must not change.
func TestPublishKeepsTheKeys(t *testing.T) {
	t.Parallel()
	a := open(newShaky(), start)
	for revision, want := range []string{"reports/showback/2026-11-20/15c4918a2af8edf2/report.csv", "reports/showback/2026-11-20/56fd9cf49067e09e/report.csv"} {
		if done := publish(t, a, roll(t, spec("eu-1"), day(revision+1)), showback); done.CSVKey != want {
			t.Errorf("revision %d is %s, not %s", revision+1, done.CSVKey, want)
		}
	}
}

func TestPublishAgainAfterAnyFailure(t *testing.T) {
	t.Parallel()
	table := roll(t, spec("eu-1"), day(1))
	for failAt := 0; ; failAt++ { // 0: nothing fails
		b := newShaky()
		b.failAt = failAt
		_, err := open(b, start).Publish(t.Context(), table, showback)
		if failAt > 0 && err == nil {
			break // there are no more puts
		}
		if failAt > 0 && !errors.Is(err, bucket.ErrDenied) {
			t.Fatalf("put %d fails: got %v", failAt, err)
		}
		again := publish(t, open(b, start.Add(time.Minute)), table, showback)
		stored, err := report.DecodeManifest(b.content(t, again.ManifestKey))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(stored, again.Manifest, cmpopts.IgnoreUnexported(stored)); diff != "" {
			t.Errorf("put %d fails: stored and returned manifests differ (-stored +returned)\n%s", failAt, diff)
		}
		if all := list(t, open(b, start), queryAll); len(all) != 1 || all[0].Revision != 1 {
			t.Errorf("put %d fails: listed are %+v", failAt, all)
		}
	}
}

func TestPublishAtOnce(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec("eu-1"), day(1))
	var replicas sync.WaitGroup
	for i := range 8 {
		replicas.Go(func() {
			if _, err := open(b, start.Add(time.Duration(i)*time.Second)).Publish(t.Context(), table, showback); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	if n := b.reports(); len(n) != 3 {
		t.Errorf("written: %v", n)
	}
}

func TestPublishNeverChangesAReport(t *testing.T) {
	t.Parallel()
	b := newShaky()
	a := open(b, start)
	first := publish(t, a, roll(t, spec("eu-1"), day(1)), showback)
	before := bytes.Clone(b.content(t, first.CSVKey))
	last := first
	for _, c := range []struct {
		sentence string
		table    report.Table
	}{
		{"other rows", roll(t, report.Spec{
			Window: spec().Window, GroupBy: []report.Dimension{report.ByNode}, Clusters: []string{"eu-1"},
		}, day(1))},
		{"the same rows from other hours", roll(t, spec("eu-1"), day(2))},
		{"a failure", failed(t)},
		{"a report after a failure", roll(t, spec("eu-1"), day(3))},
	} {
		next := publish(t, a, c.table, showback)
		if next.Manifest.Supersedes != last.Manifest.ID || next.Manifest.ID == last.Manifest.ID {
			t.Errorf("%s: %s supersedes %q, and the one before is %s", c.sentence, next.Manifest.ID, next.Manifest.Supersedes, last.Manifest.ID)
		}
		if c.table.State() == report.Failed && (next.CSVKey != "" || len(b.under(path.Dir(next.ManifestKey))) != 1 || len(next.Manifest.Failures) == 0) {
			t.Errorf("%s: beside %+v lie %v", c.sentence, next, b.under(path.Dir(next.ManifestKey)))
		}
		last = next
	}
	if !bytes.Equal(before, b.content(t, first.CSVKey)) {
		t.Error("the first report changed")
	}
	if all := list(t, a, queryAll); len(all) != 5 || all[0].Revision != 5 || all[4].Revision != 1 {
		t.Errorf("listed are %+v", all)
	}
}
