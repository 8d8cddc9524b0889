package ledger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// edges prunes edges, instant by instant.
func (p *pruning) edges(ctx context.Context) error {
	all, err := p.objects(ctx, edgesRoot+"cluster="+p.cluster+"/")
	if err != nil {
		return err
	}
	at := func(o bucket.Object) time.Time {
		_, at, _ := parseEdgesKey(o.Key)
		return at
	}
	all = slices.DeleteFunc(all, func(o bucket.Object) bool { return at(o).IsZero() })
	for len(all) > 0 {
		n := 1
		for n < len(all) && at(all[n]).Equal(at(all[0])) {
			n++
		}
		if err := p.instant(ctx, at(all[0]), all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// instant prunes the edges of one instant: all by age, and those that no hour
// names if there are others, which shows that hours were restated.
func (p *pruning) instant(ctx context.Context, at time.Time, all []bucket.Object) error {
	old := p.over(at, p.Edges)
	if !old && len(all) == 1 {
		return nil
	}
	var named []string
	if !old {
		var known bool
		var err error
		if named, known, err = p.named(ctx, at); err != nil || !known {
			return err
		}
	}
	for _, o := range all {
		var err error
		switch {
		case old:
			err = p.delete(ctx, o, &p.done.Edges)
		case slices.Contains(named, o.Key), p.Now.Before(o.Modified.Add(grace)):
		default:
			err = p.unnamed(ctx, at, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unnamed removes edges that no hour names, and puts them back if one does now.
// Together with Ledger.keepEdges no hour is left without: if it was committed
// before the second look here, they are put back here, otherwise there.
func (p *pruning) unnamed(ctx context.Context, at time.Time, o bucket.Object) error {
	r, err := p.ledger.fetch(ctx, o.Key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	before := p.done.Edges
	if err := p.delete(ctx, r.object, &p.done.Edges); err != nil || p.DryRun {
		return err
	}
	named, known, err := p.named(ctx, at)
	if err == nil && known && !slices.Contains(named, o.Key) {
		return nil
	}
	_, back := bucket.PutBytes(ctx, p.ledger.bucket, o.Key, r.data, bucket.Condition{Absent: true})
	if errors.Is(back, bucket.ErrConflict) { // the hour's writer was faster
		back = nil
	}
	if back == nil {
		p.done.Edges = before
	}
	return errors.Join(err, back)
}

// named are the edges that the two hours which meet at an instant name. While one of them
// can't be read, they are not known.
func (p *pruning) named(ctx context.Context, at time.Time) (keys []string, known bool, err error) {
	now := p.ledger.Session() // what was seen before does not count
	for _, hour := range []window.Window{window.Hour(at.Add(-1)), window.Hour(at)} {
		h, err := now.neighbour(ctx, p.cluster, hour, 0)
		if errors.As(err, new(*CorruptError)) || errors.As(err, new(*SchemaError)) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if h == nil {
			continue
		}
		digest := h.footer.Opening
		if h.footer.Window.To.Equal(at) {
			digest = h.footer.Closing
		}
		if digest != "" {
			keys = append(keys, edgesKey(p.cluster, at, digest))
		}
	}
	return keys, true, nil
}
