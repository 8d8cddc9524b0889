package ledger

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// Object is a closed hour as far as a listing tells.
type Object struct {
	Cluster string
	Window  window.Window
	Key     string
	Size    int64 // bytes
}

// List yields the closed hours of a cluster that overlap the window, oldest
// first, from object keys alone. It stops after the first error.
func (l *Ledger) List(ctx context.Context, cluster string, w window.Window) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := CheckCluster(cluster); err != nil {
			yield(Object{}, err)
			return
		}
		if !w.From.Before(w.To) {
			return
		}
		first := Key(cluster, window.Hour(w.From))
		last := Key(cluster, window.Hour(w.To.Add(-time.Nanosecond)))
		for object, err := range l.list(ctx, commonPrefix(first, last)) {
			if err != nil {
				yield(Object{}, err)
				return
			}
			if object.Key > last {
				return
			}
			if object.Key >= first && !yield(object, nil) {
				return
			}
		}
	}
}

// All yields every closed hour, by cluster and time. It stops after the first
// error.
func (l *Ledger) All(ctx context.Context) iter.Seq2[Object, error] { return l.list(ctx, hourly) }

// list yields the hours' objects whose keys begin with the prefix.
func (l *Ledger) list(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for object, err := range l.bucket.List(ctx, prefix) {
			if err != nil {
				yield(Object{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			cluster, hour, ok := parseKey(object.Key)
			if !ok {
				// A Parquet object with another name would be counted by whoever
				// reads the tables with a glob, and by nobody else.
				if strings.HasSuffix(object.Key, ".parquet") {
					yield(Object{}, fmt.Errorf("object %s is not named like an hour of the ledger; move it away", object.Key))
					return
				}
				continue
			}
			if !yield(Object{cluster, hour, object.Key, object.Size}, nil) {
				return
			}
		}
	}
}

func commonPrefix(a, b string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[:i]
		}
	}
	return a[:min(len(a), len(b))]
}
