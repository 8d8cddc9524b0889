package ledger_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// meddled runs act once, around a write or a removal of an object.
type meddled struct {
	bucket.Bucket
	before, after func(verb, key string) bool // tells where act runs
	act           func()
}

func (m *meddled) run(when func(verb, key string) bool, verb, key string) {
	if act := m.act; act != nil && when != nil && when(verb, key) {
		m.act = nil
		act()
	}
}

func (m *meddled) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	m.run(m.before, "put", key)
	defer m.run(m.after, "put", key)
	return m.Bucket.Put(ctx, key, body, size, cond)
}

func (m *meddled) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	m.run(m.before, "delete", key)
	defer m.run(m.after, "delete", key)
	return m.Bucket.Delete(ctx, key, cond)
}

func on(verb, prefix string) func(string, string) bool {
	return func(v, key string) bool { return v == verb && strings.HasPrefix(key, prefix) }
}

// leftEdges leaves edges of five to six, which the hour at five booked, and others
// of the same instant from an attempt that crashed two days ago. It returns the
// key of the latter.
func leftEdges(t *testing.T, b *dated, five window.Window) string {
	t.Helper()
	closeWith(t, b, five, nil, edgesAt(20))
	known := keys(t, b, "ledger/edges/")
	l := ledger.New(&failing{Bucket: b}, ledger.Config{Version: "1.2.3"})
	d, err := l.Draft("prod", five)
	if err != nil {
		t.Fatal(err)
	}
	h := smallHour(five)
	if err := d.Add(usage.Part{Segments: h.Segments, Closing: edgesAt(21)}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(context.Background(), d, h); err == nil {
		t.Fatal("no error")
	}
	left := slices.DeleteFunc(keys(t, b, "ledger/edges/"), func(key string) bool { return slices.Contains(known, key) })
	if len(left) != 1 {
		t.Fatalf("left are %q", left)
	}
	b.now = b.now.Add(48 * time.Hour)
	return left[0]
}

// An hour books edges that a crash left two days ago, while another process
// prunes edges that no hour names.
func TestEdgesThatAreBookedWhileTheyArePruned(t *testing.T) {
	t.Parallel()
	five := hourAt(t, "2026-11-20T05:00:00Z")
	tests := map[string]func(b *dated, closeHour, pruneEdges func(bucket.Bucket)){
		"all of the pruning comes between edges and hour": func(b *dated, closeHour, pruneEdges func(bucket.Bucket)) {
			closeHour(&meddled{Bucket: b, before: on("put", "ledger/hourly/"), act: func() { pruneEdges(b) }})
		},
		"the hour comes before they are removed": func(b *dated, closeHour, pruneEdges func(bucket.Bucket)) {
			pruneEdges(&meddled{Bucket: b, before: on("delete", "ledger/edges/"), act: func() { closeHour(b) }})
		},
		"the hour comes after they are removed": func(b *dated, closeHour, pruneEdges func(bucket.Bucket)) {
			pruneEdges(&meddled{Bucket: b, after: on("delete", "ledger/edges/"), act: func() { closeHour(b) }})
		},
	}
	for name, race := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newDated(t)
			left := leftEdges(t, b, five)
			race(b,
				func(b bucket.Bucket) { closeWith(t, b, five, nil, edgesAt(21)) },
				func(store bucket.Bucket) { prune(t, store, ledger.Pruning{Now: b.now}) })
			_, closing, err := ledger.New(b, ledger.Config{}).Session().Edges(context.Background(), "prod", five)
			if err != nil || total(closing) != 21 {
				t.Errorf("edges are %d, %v; %s was pruned", total(closing), err, left)
			}
		})
	}
}

func TestUnnamedEdgesThatNobodyBooksGo(t *testing.T) {
	t.Parallel()
	b := newDated(t)
	left := leftEdges(t, b, hourAt(t, "2026-11-20T05:00:00Z"))
	if got := prune(t, b, ledger.Pruning{Now: b.now, DryRun: true}).Edges.Objects; got != 1 || !slices.Contains(keys(t, b, ""), left) {
		t.Errorf("it would remove %d objects", got)
	}
	if got := prune(t, b, ledger.Pruning{Now: b.now}).Edges.Objects; got != 1 || slices.Contains(keys(t, b, ""), left) {
		t.Errorf("it removed %d objects", got)
	}
}
