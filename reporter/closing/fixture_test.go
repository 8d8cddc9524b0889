package closing_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// now is the time at which hours are closed.
var now = instant("2026-11-20T12:00:00Z")

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a typing error in a test
	}
	return t
}

// cluster is a cluster of a bucket, whose hours are closed as the command does.
type cluster struct {
	*closing.Cluster
	keepEdges time.Duration
	with      func(keepEdges time.Duration) *closing.Cluster
}

// newCluster returns a cluster of a bucket. It sees the ledger at a time.
func newCluster(b bucket.Bucket, name string, source closing.Source, now time.Time) *cluster {
	c := &cluster{}
	x := index.New(b, index.Config{
		Jitter: func() float64 { return 0 },
		Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	l := ledger.New(b, ledger.Config{Pruned: func(at time.Time) bool { return c.keepEdges > 0 && now.Sub(at) > c.keepEdges }})
	c.with = func(keepEdges time.Duration) *closing.Cluster {
		return closing.New(closing.Config{
			Name: name, Source: source, Ledger: l, Index: x,
			Settle: 10 * time.Minute, RestateWithin: 24 * time.Hour, KeepEdges: keepEdges,
			Now: func() time.Time { return now },
			Log: slog.New(slog.DiscardHandler),
		})
	}
	c.Cluster = c.with(0)
	return c
}

// KeepEdges says how long edges are kept. Nothing deletes them afterwards.
func (c *cluster) KeepEdges(d time.Duration) { c.keepEdges, c.Cluster = d, c.with(d) }

// Close closes those of the hours that are not closed, as the command does.
func (c *cluster) Close(ctx context.Context, run []window.Window, parallel int) error {
	w := window.Window{From: run[0].From, To: run[len(run)-1].To}
	due, err := c.Due(ctx, w.From)
	if err != nil {
		return err
	}
	due = slices.DeleteFunc(due, func(d closing.Due) bool { return !d.Hour.From.Before(w.To) })
	_, err = c.CloseAll(ctx, due, parallel, func(int, window.Window) {})
	if parallel > 1 {
		_, alignErr := c.AlignDays(ctx, w)
		err = errors.Join(err, alignErr)
	}
	return err
}

// Restate reads the hours again, and returns how many of them and of their
// neighbours changed, and how many stay as they are stored.
func (c *cluster) Restate(ctx context.Context, run []window.Window) (changed, neighbours, kept int, err error) {
	done, err := c.Cluster.Restate(ctx, run, closing.KeepIfLess, func(window.Window) {})
	return len(done.Changed), len(done.Neighbours), len(done.Kept), err
}

// snapshot is what every object of a bucket holds, with its ETag.
func snapshot(t *testing.T, b bucket.Bucket) map[string]string {
	t.Helper()
	all := map[string]string{}
	for object, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all[object.Key] = string(read(t, b, object.Key)) + " " + object.ETag
	}
	return all
}

func read(t *testing.T, b bucket.Bucket, key string) []byte {
	t.Helper()
	data, _, err := bucket.ReadAll(t.Context(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
