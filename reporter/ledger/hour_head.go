package ledger

import (
	"context"
	"errors"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// head is what is known of a closed hour without its rows. It is never changed.
type head struct {
	footer footer
	entry  Entry
	etag   string // of the object that it was read from: the hour's own, or its day's
	roster roster
}

// roster are the GPUs with which an hour ended. It is known only of hours whose
// rows were read or written by this process.
type roster struct {
	known bool
	gpus  []usage.Device
}

// bytes is about what a head takes.
func (h *head) bytes() int {
	const each, gpu = 2 << 10, 200
	return each + gpu*len(h.roster.gpus)
}

// hours finds closed hours: in objects of their own, else in their day's.
type hours struct {
	store
	days  *days
	cache *cache
}

// open opens an hour, with its rows. Errors: *MissingError, *CorruptError,
// *SchemaError, the bucket's.
func (h *hours) open(ctx context.Context, cluster string, hour window.Window) (*file, error) {
	if err := checkHour(cluster, hour); err != nil {
		return nil, err
	}
	_, f, err := h.openOwn(ctx, cluster, hour)
	if errors.Is(err, bucket.ErrNotFound) {
		return h.days.openHour(ctx, cluster, hour)
	}
	return f, err
}

// openOwn opens the own object of an hour. Errors: bucket.ErrNotFound,
// *CorruptError, *SchemaError, others of the bucket.
func (h *hours) openOwn(ctx context.Context, cluster string, hour window.Window) (*raw, *file, error) {
	r, err := h.fetch(ctx, Key(cluster, hour))
	if err != nil {
		return nil, nil, err
	}
	f, err := r.open(cluster, hour)
	return r, f, err
}

// opened is an hour's own object with what it was opened from.
type opened struct {
	raw  *raw
	file *file
}

// ownHead is the head of an hour's own object. If that is not the one that is
// remembered, it is read, and comes opened, too. Errors: as openOwn.
func (h *hours) ownHead(ctx context.Context, cluster string, hour window.Window) (*head, *opened, error) {
	key := Key(cluster, hour)
	if known, ok := h.cache.get(key).(*head); ok {
		object, err := h.stat(ctx, key)
		if err != nil {
			return nil, nil, err
		}
		if object.ETag == known.etag {
			return known, nil, nil
		}
	}
	r, f, err := h.openOwn(ctx, cluster, hour)
	if err != nil {
		return nil, nil, err
	}
	known := &head{footer: f.footer, entry: f.entry, etag: r.object.ETag}
	h.remember(known)
	return known, &opened{r, f}, nil
}

// remember keeps the head of an hour's own object.
func (h *hours) remember(known *head) { h.cache.put(known.entry.Key, known, known.bytes()) }
