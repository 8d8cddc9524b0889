package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// objects lists what has the prefix, all of it before anything is deleted.
func (p *pruning) objects(ctx context.Context, prefix string) ([]bucket.Object, error) {
	var all []bucket.Object
	for o, err := range p.ledger.bucket.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		all = append(all, o)
	}
	return all, nil
}

// history prunes what was replaced.
func (p *pruning) history(ctx context.Context) error {
	if p.History == 0 {
		return nil
	}
	all, err := p.objects(ctx, history+"cluster="+p.cluster+"/")
	if err != nil {
		return err
	}
	newest := map[window.Window]int{}
	for _, o := range all {
		if hour, revision, ok := parseHistoryKey(o.Key); ok {
			newest[hour] = max(newest[hour], revision)
		}
	}
	for _, o := range all {
		hour, revision, ok := parseHistoryKey(o.Key)
		if !ok && !strings.HasSuffix(o.Key, ".damaged") { // of a day
			continue
		}
		if !p.over(hour.To, p.History) || !p.over(o.Modified, p.History) {
			continue
		}
		if ok && revision == newest[hour] {
			if closed, err := p.closed(ctx, hour); err != nil || closed {
				if err != nil {
					return err
				}
				continue
			}
		}
		if err := p.delete(ctx, o, &p.done.History); err != nil {
			return err
		}
	}
	return nil
}

func (p *pruning) closed(ctx context.Context, hour window.Window) (bool, error) {
	for _, err := range p.ledger.List(ctx, p.cluster, hour) {
		return err == nil, err
	}
	return false, nil
}
