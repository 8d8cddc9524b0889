package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/report"
)

const (
	csvKey      = "reports/showback/2026-11-20/r1/report.csv"
	manifestKey = "reports/showback/2026-11-20/r1/manifest.json"
)

func TestPublishWritesTheManifestLast(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec(report.ByProject), fleet(), projects(t), book(t))
	done, err := report.Publish(t.Context(), b, table, table.Manifest(start))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{csvKey, manifestKey}, b.written); diff != "" {
		t.Errorf("order of writes (-want +got)\n%s", diff)
	}
	sum := sha256.Sum256(b.content(t, csvKey))
	want := []report.File{{"report.csv", int64(len(b.content(t, csvKey))), 8, hex.EncodeToString(sum[:])}}
	stored, err := report.DecodeManifest(b.content(t, manifestKey))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stored.Files); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(report.Published{Manifest: stored, ManifestKey: manifestKey, CSVKey: csvKey}, done); diff != "" {
		t.Errorf("published (-want +got)\n%s", diff)
	}
	if lines := bytes.Count(b.content(t, csvKey), []byte("\n")); lines != 1+want[0].Rows {
		t.Errorf("the file has %d lines and %d rows", lines, want[0].Rows)
	}
}

func TestPublishAgain(t *testing.T) {
	t.Parallel()
	table := roll(t, spec(report.ByProject), fleet(), projects(t), book(t))
	for failAt := range 3 { // 0: nothing fails
		b := newShaky()
		b.failAt = failAt
		first, err := report.Publish(t.Context(), b, table, table.Manifest(start))
		if failAt > 0 && !errors.Is(err, bucket.ErrDenied) {
			t.Fatalf("put %d fails: got %v", failAt, err)
		}
		if there := b.content(t, manifestKey) != nil; there == (failAt > 0) {
			t.Errorf("put %d fails: manifest there: %v", failAt, there)
		}
		again, err := report.Publish(t.Context(), b, table, table.Manifest(start.Add(time.Minute)))
		if err != nil {
			t.Errorf("put %d failed: second time: %v", failAt, err)
		}
		if failAt == 0 && again.Manifest.CreatedAt != first.Manifest.CreatedAt {
			t.Errorf("the stored manifest is of %s, returned is %s", first.Manifest.CreatedAt, again.Manifest.CreatedAt)
		}
	}
}

func TestPublishAtOnce(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec(report.ByProject), fleet(), projects(t), book(t))
	var replicas sync.WaitGroup
	for i := range 8 {
		replicas.Go(func() {
			if _, err := report.Publish(t.Context(), b, table, table.Manifest(start.Add(time.Duration(i)*time.Second))); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	if len(b.written) != 2 {
		t.Errorf("written: %v", b.written)
	}
}

func TestPublishNeverChangesAReport(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec(report.ByProject), fleet(), projects(t), book(t))
	if _, err := report.Publish(t.Context(), b, table, table.Manifest(start)); err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(b.content(t, csvKey))

	other := roll(t, spec(report.ByNodePool), fleet(), projects(t), book(t))
	restated := fleet()
	restated[0].SHA256 = "01"
	same := roll(t, spec(report.ByProject), restated, projects(t), book(t))
	failed := roll(t, spec(report.ByProject), fleet()[:1], projects(t), book(t))
	for sentence, c := range map[string]struct {
		table report.Table
		key   string
	}{
		"other rows":                     {other, manifestKey},
		"the same rows from other hours": {same, manifestKey},
		"a failure":                      {failed, manifestKey},
	} {
		_, err := report.Publish(t.Context(), b, c.table, c.table.Manifest(start))
		var exists *report.ExistsError
		if !errors.As(err, &exists) || exists.Key != c.key {
			t.Errorf("%s: got %v, want an *ExistsError for %s", sentence, err, c.key)
		}
	}
	if !bytes.Equal(before, b.content(t, csvKey)) || len(b.written) != 2 {
		t.Error("the report changed")
	}
}

func TestNoFileComesBesideAFailedReport(t *testing.T) {
	t.Parallel()
	b := newShaky()
	failed := roll(t, spec(report.ByProject), fleet()[:1], projects(t), book(t))
	if _, err := report.Publish(t.Context(), b, failed, failed.Manifest(start)); err != nil {
		t.Fatal(err)
	}
	ready := roll(t, spec(report.ByProject), fleet(), projects(t), book(t))
	_, err := report.Publish(t.Context(), b, ready, ready.Manifest(start))
	if exists := (*report.ExistsError)(nil); !errors.As(err, &exists) {
		t.Errorf("got %v, want an *ExistsError", err)
	}
	if diff := cmp.Diff([]string{manifestKey}, b.written); diff != "" {
		t.Errorf("written (-want +got)\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec(report.ByProject), fleet(), projects(t), book(t))
	if _, err := report.Find(t.Context(), b, table.Spec); !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("before there is one: %v", err)
	}
	done, err := report.Publish(t.Context(), b, table, table.Manifest(start))
	if err != nil {
		t.Fatal(err)
	}
	found, err := report.Find(t.Context(), b, table.Spec)
	if diff := cmp.Diff(done, found); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

func TestPublishOfAFailedReport(t *testing.T) {
	t.Parallel()
	b := newShaky()
	table := roll(t, spec(report.ByProject), fleet()[:1], projects(t), book(t))
	done, err := report.Publish(t.Context(), b, table, table.Manifest(start))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{manifestKey}, b.written); diff != "" || done.CSVKey != "" {
		t.Errorf("a failed report has files: %v", b.written)
	}
	if done.Manifest.State != report.Failed || len(done.Manifest.Failures) == 0 {
		t.Errorf("manifest: %+v", done.Manifest)
	}
}

func TestDecodeManifestRefuses(t *testing.T) {
	t.Parallel()
	for sentence, data := range map[string]string{
		"no JSON": "report", "a manifest cut short": `{"version": 1, "name`, "another version": `{"version": 2}`,
		"a ratio that is no number": `{"version": 1, "coverage": {"ratio": "NaN"}}`,
	} {
		if _, err := report.DecodeManifest([]byte(data)); err == nil {
			t.Errorf("%s: no error", sentence)
		}
	}
	if _, err := report.DecodeManifest([]byte(`{"version": 1, "added_later": true}`)); err != nil {
		t.Errorf("a field that was added later: %v", err)
	}
}
