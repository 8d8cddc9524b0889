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
		if !old && (slices.Contains(named, o.Key) || p.Now.Before(o.Modified.Add(grace))) {
			continue
		}
		if err := p.delete(ctx, o, &p.done.Edges); err != nil {
			return err
		}
	}
	return nil
}

// named are the edges that the hours beside an instant name. While one of them
// can't be read, they are not known.
func (p *pruning) named(ctx context.Context, at time.Time) (keys []string, known bool, err error) {
	before, err := p.ledger.footerOf(ctx, p.cluster, window.Hour(at.Add(-1)))
	var after footer
	if err == nil {
		after, err = p.ledger.footerOf(ctx, p.cluster, window.Hour(at))
	}
	if errors.As(err, new(*CorruptError)) || errors.As(err, new(*SchemaError)) {
		return nil, false, nil
	}
	for _, digest := range []string{before.Closing, after.Opening} {
		if digest != "" {
			keys = append(keys, edgesKey(p.cluster, at, digest))
		}
	}
	return keys, true, err
}
