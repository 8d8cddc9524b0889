package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// edgeSet collects the edges of a draft at one instant. The digest of a set is
// its name: both hours beside an instant name the same object if they have
// booked the same edges.
type edgeSet struct {
	version string
	zstd    sealed.Codec
	rows    *sealed.Encoder[sealed.EdgeRow] // nil until there is an edge
	digest  *sealed.Digest
	last    usage.Edge
}

func (s *edgeSet) add(all []usage.Edge) error {
	for i := range all {
		e := &all[i]
		if s.rows == nil {
			s.rows, s.digest = sealed.NewEncoder[sealed.EdgeRow](s.version, s.zstd), sealed.NewDigest()
		} else if usage.CompareEdges(s.last, *e) >= 0 {
			return fmt.Errorf("edge of GPU %s, pod %s, container %s comes before or again after the edge that was added before it; parts must come sorted",
				e.UUID, e.Pod, e.Container)
		}
		if err := s.rows.Add(sealed.NewEdgeRow(*e)); err != nil {
			return err
		}
		s.digest.Edge(e)
		s.last = *e
	}
	return nil
}

// sum is the set's digest, "" if it has no edges.
func (s *edgeSet) sum() string {
	if s.rows == nil {
		return ""
	}
	return s.digest.Sum()
}

// edgeAttempts bounds how often edges are looked at again that another writer
// wrote meanwhile: once is enough unless somebody removes them too.
const edgeAttempts = 5

// edgesObject is an object of edges as it is to be.
type edgesObject struct {
	cluster string
	at      time.Time
	name    string // digest of the rows
	data    *sealed.Content
	found   bool // it was there already
}

func (o *edgesObject) key() string { return edgesKey(o.cluster, o.at, o.name) }

// finish encodes the set; nil if it has no edges.
func (s *edgeSet) finish(cluster string, at time.Time) (*edgesObject, error) {
	name := s.sum()
	if name == "" {
		return nil, nil
	}
	pairs := frame(cluster, window.Window{From: at, To: at}, s.version)
	pairs["gputally.rows_sha256"] = name
	data, err := s.rows.Finish(pairs)
	return &edgesObject{cluster: cluster, at: at, name: name, data: data}, err
}

// putEdges makes sure that the objects of a draft's edges are there and whole.
func (l *Ledger) putEdges(ctx context.Context, d *Draft) ([]*edgesObject, error) {
	var all []*edgesObject
	for _, set := range []struct {
		at    time.Time
		edges *edgeSet
	}{{d.hour.From, d.opening}, {d.hour.To, d.closing}} {
		o, err := set.edges.finish(d.cluster, set.at)
		if err == nil && o != nil {
			err = l.placeEdges(ctx, o)
			all = append(all, o)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// keepEdges makes sure that edges are still there once an hour names them. Those
// that were found may have been old and named by none until now, so that Prune,
// which looked before the hour was there, has removed them.
func (l *Ledger) keepEdges(ctx context.Context, all []*edgesObject) error {
	for _, o := range all {
		if !o.found {
			continue
		}
		body, _, err := l.bucket.Get(ctx, o.key())
		if err == nil {
			_ = body.Close() // nothing is read of it
			continue
		}
		if !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("read ledger: %w", err)
		}
		if err := l.placeEdges(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// placeEdges makes sure that the object is there and whole.
func (l *Ledger) placeEdges(ctx context.Context, o *edgesObject) error {
	for range edgeAttempts {
		// As a rule this version has written them, and they need not be opened.
		same, err := l.holds(ctx, o.key(), o.data.Body())
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("read ledger: %w", err)
		}
		if same {
			o.found = true
			return nil
		}
		var cond bucket.Condition
		there, err := l.openEdges(ctx, o.cluster, o.at, o.name)
		damaged := (*EdgesError)(nil)
		switch {
		case err == nil:
			o.found = true
			return nil
		case errors.Is(err, bucket.ErrNotFound):
			cond.Absent = true
		case errors.As(err, &damaged): // its name says what it must hold
			cond.ETag = there.object.ETag
		default:
			return err
		}
		_, err = l.bucket.Put(ctx, o.key(), o.data.Body(), o.data.Size, cond)
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("edges %s change all the time; look for a second reporter, then close the hour again", o.key())
}

// edgesFile is an object of edges, opened.
type edgesFile struct {
	object bucket.Object
	at     time.Time
	yield  func(yield func([]usage.Edge) error) error
}

// openEdges opens the edges of an instant by their digest. With an *EdgesError
// of an object that is there, what it is comes too. Errors: *EdgesError, which
// is a bucket.ErrNotFound if the object is gone, *SchemaError, the bucket's.
func (l *Ledger) openEdges(ctx context.Context, cluster string, at time.Time, name string) (*edgesFile, error) {
	key := edgesKey(cluster, at, name)
	broken := func(err error) error { return &EdgesError{key, cluster, at, err} }
	r, err := l.fetch(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, broken(bucket.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	f := &edgesFile{object: r.object, at: at}
	file, err := sealed.OpenEdges(r.data)
	if err != nil {
		return f, broken(cause(err))
	}
	foot := &footerReader{lookup: file.Lookup}
	holds, w, _ := foot.frame()
	if schema := (*SchemaError)(nil); errors.As(foot.err(), &schema) {
		return f, &SchemaError{key, schema.Schema}
	}
	rows := foot.sum("gputally.rows_sha256", false)
	switch {
	case foot.err() != nil:
		return f, broken(foot.err())
	case holds != cluster || !w.From.Equal(at):
		return f, broken(fmt.Errorf("it holds edges of cluster %s at %s", holds, w.From.Format(time.RFC3339)))
	case rows != name:
		return f, broken(fmt.Errorf("it holds other edges (%s) than the hour has booked (%s)", rows, name))
	}
	f.yield = func(yield func([]usage.Edge) error) error {
		err := file.Rows().Edges(yield)
		if damage := (*sealed.DamagedError)(nil); errors.As(err, &damage) {
			return broken(damage.Err)
		}
		return err
	}
	return f, nil
}

// table loads the edges that an hour has booked at an instant, by their digest.
// An hour that has booked edges, but none there, gives a table without any; one
// that was closed without edges, or whose edges were pruned, gives nil. Errors:
// as openEdges.
func (l *Ledger) table(ctx context.Context, at time.Time, hour footer, name string) (*usage.EdgeTable, error) {
	if !hour.booked() {
		return nil, nil
	}
	t := usage.NewEdgeTable()
	if name == "" {
		return t, nil
	}
	f, err := l.openEdges(ctx, hour.Cluster, at, name)
	if l.wasPruned(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = f.yield(func(all []usage.Edge) error {
		for _, e := range all {
			t.Add(e)
		}
		return nil
	})
	return t, err
}

// wasPruned tells whether edges can't be opened because they were pruned.
func (l *Ledger) wasPruned(err error) bool {
	gone := (*EdgesError)(nil)
	return errors.As(err, &gone) && errors.Is(err, bucket.ErrNotFound) && l.pruned(gone.At)
}

// edges yields the closing edges of an hour in their order. Errors: as openEdges.
func (l *Ledger) edges(ctx context.Context, at time.Time, hour footer) iter.Seq2[usage.Edge, error] {
	return func(yield func(usage.Edge, error) bool) {
		f, err := l.openEdges(ctx, hour.Cluster, at, hour.Closing)
		if err == nil {
			err = f.yield(func(all []usage.Edge) error {
				for _, e := range all {
					if !yield(e, nil) {
						return errEnough
					}
				}
				return nil
			})
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(usage.Edge{}, err)
		}
	}
}

// errEnough ends a reading of which no more is wanted.
var errEnough = errors.New("no more is wanted")
