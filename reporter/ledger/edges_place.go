package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// placeAttempts bounds how often edges are looked at again that another writer
// wrote meanwhile: once is enough unless somebody removes them too.
const placeAttempts = 5

// putEdges makes sure that the objects of a draft's edges are there and whole.
func (c *commit) putEdges(ctx context.Context) error {
	for _, set := range []struct {
		at    time.Time
		edges *edgeSet
	}{{c.draft.hour.From, c.draft.opening}, {c.draft.hour.To, c.draft.closing}} {
		o, err := set.edges.finish(c.draft.cluster, set.at)
		if err == nil && o != nil {
			err = c.place(ctx, o)
			c.edges = append(c.edges, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// place makes sure that the object is there and whole. One that the Session has
// seen is both. One that this process knows is compared by its ETag. Of any other
// nothing is known: the first closing of an hour has edges of its own, as a rule,
// and writes them before it looks.
func (c *commit) place(ctx context.Context, o *edgesDraft) error {
	if there, seen := c.Session.edges[o.key()]; seen {
		o.found = there
		return nil
	}
	known := c.hours[c.key].head != nil
	if f, ok := c.ledger.edges.cache.get(o.key()).(*edgesFile); ok {
		there, err := c.ledger.edges.stat(ctx, o.key())
		if err == nil && there.ETag == f.object.ETag {
			return c.saw(o, there, false)
		}
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
		known = err == nil
	}
	for range placeAttempts {
		cond := bucket.Condition{Absent: true}
		if known {
			var err error
			if cond, err = c.compare(ctx, o); err != nil || o.found.Key != "" {
				return err
			}
		}
		object, err := c.ledger.bucket.Put(ctx, o.key(), o.content.Body(), o.content.Size, cond)
		if err == nil {
			return c.wrote(o, object)
		}
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		known = true
	}
	return fmt.Errorf("edges %s change all the time; look for a second reporter, then close the hour again", o.key())
}

// compare looks whether the object is there and whole, and says under which
// condition it is to be written if it is not.
func (c *commit) compare(ctx context.Context, o *edgesDraft) (bucket.Condition, error) {
	// As a rule this version has written them, and they need not be opened.
	there, same, err := c.ledger.holds(ctx, o.key(), o.content.Body())
	if errors.Is(err, bucket.ErrNotFound) {
		return bucket.Condition{Absent: true}, nil
	}
	if err != nil {
		return bucket.Condition{}, err
	}
	if same {
		return bucket.Condition{}, c.saw(o, there, true)
	}
	f, err := c.ledger.edges.open(ctx, o.cluster, o.at, o.name)
	damage := (*EdgesError)(nil)
	switch {
	case err == nil:
		return bucket.Condition{}, c.saw(o, f.object, false)
	case errors.Is(err, bucket.ErrNotFound):
		return bucket.Condition{Absent: true}, nil
	case errors.As(err, &damage): // its name says what it must hold
		return bucket.Condition{ETag: f.object.ETag}, nil
	}
	return bucket.Condition{}, err
}

// saw notes edges that were there, the same bytes or only the same edges.
func (c *commit) saw(o *edgesDraft, there bucket.Object, same bool) error {
	o.found = there
	if same {
		return c.wrote(o, there)
	}
	c.Session.edges[o.key()] = there
	return nil
}

// wrote notes edges whose bytes are those of the draft, for whoever needs them next.
func (c *commit) wrote(o *edgesDraft, object bucket.Object) error {
	f, err := o.file(object)
	if err != nil {
		return err
	}
	c.ledger.edges.remember(f)
	c.Session.edges[o.key()] = object
	return nil
}

// keepEdges makes sure that edges are still there once an hour names them. Those
// that were found may have been old and named by none until now, so that Prune,
// which looked before the hour was there, has removed them. Young ones it leaves,
// and those that a neighbour has named all the time, or the hour itself.
func (c *commit) keepEdges(ctx context.Context) error {
	for _, o := range c.edges {
		if o.found.Key == "" || c.ledger.fresh(o.found.Modified) || c.old.names(o) {
			continue
		}
		named, err := c.named(ctx, o)
		if err != nil {
			return err
		}
		if named {
			continue
		}
		there, err := c.ledger.exists(ctx, o.key())
		if err != nil {
			return err
		}
		if there {
			continue
		}
		delete(c.Session.edges, o.key())
		c.ledger.edges.cache.drop(o.key())
		o.found = bucket.Object{}
		if err := c.place(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// names tells whether an hour has stored the edges already.
func (h *head) names(o *edgesDraft) bool {
	return h != nil && (h.footer.Opening == o.name || h.footer.Closing == o.name)
}

// named tells whether the neighbour on the other side of edges has named them
// since before they were found: it is the same object as it was when the Session
// saw it first.
func (c *commit) named(ctx context.Context, o *edgesDraft) (bool, error) {
	neighbour := window.Hour(o.at)
	if o.at.Equal(c.draft.hour.From) {
		neighbour = window.Hour(o.at.Add(-1))
	}
	before := c.hours[Key(o.cluster, neighbour)].head
	if !before.names(o) {
		return false, nil
	}
	now, err := c.neighbour(ctx, o.cluster, neighbour, c.writes)
	if err != nil || now == nil {
		if errors.As(err, new(*CorruptError)) || errors.As(err, new(*SchemaError)) {
			err = nil
		}
		return false, err
	}
	return now.etag == before.etag, nil
}
