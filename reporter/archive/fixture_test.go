package archive_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/rollup/rolluptest"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

var start = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// showback is what the tests publish.
var showback = archive.Publication{Name: "showback", Period: "2026-11-20"}

// open is an archive whose clock stands at a time.
func open(b bucket.Bucket, now time.Time) *archive.Archive {
	return archive.New(archive.Config{Bucket: b, Index: index.New(b, index.Config{}), Clock: func() time.Time { return now }})
}

// spec is a report of two hours.
func spec(clusters ...string) report.Spec {
	return report.Spec{
		Window:  window.Window{From: start, To: start.Add(2 * time.Hour)},
		GroupBy: []report.Dimension{report.ByNamespace}, Clusters: clusters, MinimumCoverage: 0.9,
	}
}

// hourOf is an hour of a cluster in which a pod holds a GPU.
func hourOf(cluster string, n, revision int) rollup.Hour {
	w := window.Hour(start.Add(time.Duration(n) * time.Hour))
	h := rollup.Hour{Revision: revision, SHA256: string(slices.Repeat([]byte{"0123456789abcdef"[revision]}, 64))}
	h.Cluster, h.Window, h.Source, h.Road = cluster, w, "gputally", "remote_read"
	h.Segments = []usage.Segment{{
		Cluster: cluster, Node: "node-1", UUID: "GPU-0", Model: "NVIDIA H200", State: usage.Allocated,
		Namespace: "vision", Pod: "train-0", PodUID: "uid-train-0", Container: "main", Share: 1,
		HeldFrom: w.From.UnixMilli(), HeldTo: w.To.UnixMilli(), GPUMillis: w.Duration().Milliseconds(), ActiveMillis: int64(revision) * 1000,
	}}
	h.Coverage.Expected, h.Coverage.Allocated = w.Duration().Milliseconds(), w.Duration().Milliseconds()
	return h
}

// day are the hours of the report, the last of them in a revision.
func day(revision int) []rollup.Hour {
	return []rollup.Hour{hourOf("eu-1", 0, 1), hourOf("eu-1", 1, revision)}
}

func roll(t testing.TB, s report.Spec, hours []rollup.Hour) report.Table {
	t.Helper()
	table, err := rolluptest.Table(s, hours, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// failed is a table of an hour too few.
func failed(t testing.TB) report.Table {
	t.Helper()
	table := roll(t, spec("eu-1"), day(1)[:1])
	if table.State() != report.Failed {
		t.Fatalf("the table is %s", table.State())
	}
	return table
}

func publish(t testing.TB, a *archive.Archive, table report.Table, p archive.Publication) archive.Published {
	t.Helper()
	done, err := a.Publish(t.Context(), table, p)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func list(t testing.TB, a *archive.Archive, q archive.Query) []archive.Record {
	t.Helper()
	var all []archive.Record
	for r, err := range a.List(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// closeHours notes hours in the index as they are in a report.
func closeHours(t testing.TB, b bucket.Bucket, hours ...rollup.Hour) {
	t.Helper()
	for _, h := range hours {
		err := index.New(b, index.Config{}).PutHour(t.Context(), index.Hour(ledger.Entry{
			Cluster: h.Cluster, Window: h.Window, Revision: h.Revision, Key: ledger.Key(h.Cluster, h.Window), SHA256: h.SHA256,
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
}
