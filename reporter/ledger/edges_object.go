package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
)

// edges finds and opens objects of edges.
type edges struct {
	store
	cache  *cache
	pruned func(at time.Time) bool
}

// edgesFile is an object of edges, opened.
type edgesFile struct {
	object bucket.Object
	data   []byte
	rows   sealed.Rows
	broken func(error) error // is an *EdgesError
}

// yield yields the edges in their order. Errors: *EdgesError, yield's.
func (f *edgesFile) yield(yield func([]usage.Edge) error) error {
	err := f.rows.Edges(yield)
	if damage := (*sealed.DamagedError)(nil); errors.As(err, &damage) {
		return f.broken(damage.Err)
	}
	return err
}

// open reads and opens the edges of an instant by their digest. With an
// *EdgesError of an object that is there, what it is comes too. Errors:
// *EdgesError, which is a bucket.ErrNotFound if the object is gone, *SchemaError,
// the bucket's.
func (e *edges) open(ctx context.Context, cluster string, at time.Time, name string) (*edgesFile, error) {
	key := edgesKey(cluster, at, name)
	r, err := e.fetch(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		e.cache.drop(key)
		return nil, &EdgesError{key, cluster, at, bucket.ErrNotFound}
	}
	if err != nil {
		return nil, err
	}
	f, err := openEdges(r, cluster, at, name)
	if err == nil {
		e.remember(f)
	}
	return f, err
}

func (e *edges) remember(f *edgesFile) { e.cache.put(f.object.Key, f, len(f.data)) }

// openEdges opens an object as it was read. Errors: as edges.open.
func openEdges(r *raw, cluster string, at time.Time, name string) (*edgesFile, error) {
	key := r.object.Key
	f := &edgesFile{object: r.object, data: r.data, broken: func(err error) error { return &EdgesError{key, cluster, at, err} }}
	file, err := sealed.OpenEdges(r.data)
	if err != nil {
		return f, f.broken(cause(err))
	}
	foot := &footerReader{lookup: file.Lookup}
	holds, w, _ := foot.frame()
	if schema := (*SchemaError)(nil); errors.As(foot.err(), &schema) {
		return f, &SchemaError{Key: key, Schema: schema.Schema}
	}
	rows := foot.sum("gputally.rows_sha256", false)
	switch {
	case foot.err() != nil:
		return f, f.broken(foot.err())
	case holds != cluster || !w.From.Equal(at):
		return f, f.broken(fmt.Errorf("it holds edges of cluster %s at %s", holds, w.From.Format(time.RFC3339)))
	case rows != name:
		return f, f.broken(fmt.Errorf("it holds other edges (%s) than the hour has stored (%s)", rows, name))
	}
	f.rows = file.Rows()
	return f, nil
}

// wasPruned tells whether edges can't be opened because they were pruned.
func (e *edges) wasPruned(err error) bool {
	gone := (*EdgesError)(nil)
	return errors.As(err, &gone) && errors.Is(err, bucket.ErrNotFound) && e.pruned(gone.At)
}

// audit reads edges whole and makes sure that they are those of their name, in
// order. Errors: as open.
func (e *edges) audit(ctx context.Context, cluster string, at time.Time, name string) error {
	f, err := e.open(ctx, cluster, at, name)
	if err != nil {
		return err
	}
	d, first, sorted := sealed.NewDigest(), true, true
	var last usage.Edge
	err = f.yield(func(all []usage.Edge) error {
		for i := range all {
			sorted = sorted && (first || usage.CompareEdges(last, all[i]) < 0)
			first, last = false, all[i]
			d.Edge(&all[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	if sum := d.Sum(); sum != name || !sorted {
		return f.broken(fmt.Errorf("the digest of its rows is %s, not %s, or they are not sorted", sum, name))
	}
	return nil
}

// edgesDraft is an object of edges as it is to be.
type edgesDraft struct {
	cluster string
	at      time.Time
	name    string // digest of the rows
	content *sealed.Content
	found   bucket.Object // as it was there already, zero if it was not
}

func (o *edgesDraft) key() string { return edgesKey(o.cluster, o.at, o.name) }

// file is the object as it was written.
func (o *edgesDraft) file(object bucket.Object) (*edgesFile, error) {
	data := make([]byte, o.content.Size)
	if _, err := io.ReadFull(o.content.Body(), data); err != nil {
		return nil, err
	}
	object.Size = o.content.Size
	return openEdges(&raw{object, data}, o.cluster, o.at, o.name)
}
