package gputally

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// A collector that is down and a node that is gone look the same in the
// collector's own series: they end. What separates them is what others say of
// the node: the server's account of the collector's target, and
// kube-state-metrics.
const (
	// upName is the server's own metric of a target: 1 after a scrape that went
	// well, 0 after one that failed, nothing once the target is no more.
	upName = "up"
	// jobLabel is in every series of a target, up included.
	jobLabel = "job"
	// former is how far before the window a collector is looked for that was
	// not seen in it, to learn which target was on which node.
	former = 24 * time.Hour
	// mostNames is how many nodes are asked for at once: servers limit the
	// length of a query.
	mostNames = 100
	// mostJobs is up to how many jobs up is asked for by job.
	mostJobs = 20
)

// sighting is until when the server saw something that has samples as long as
// it is there, whatever their values.
type sighting struct {
	last  int64 // time of the latest sample, Unix ms; 0 for none
	stale int64 // time of the latest staleness marker, Unix ms
}

// see takes in a series; samples after to, Unix ms, are not looked at.
func (s *sighting) see(seen series.Series, to int64) {
	for _, p := range slices.Backward(seen.Samples) {
		if p.T <= to {
			s.last = max(s.last, p.T)
			break
		}
	}
	if n := len(seen.Stale); n > 0 {
		s.stale = max(s.stale, seen.Stale[n-1])
	}
}

// until is until when it was there, Unix ms, at all times if nobody saw it go.
// Without a marker it counts from the window's begin on only if it was seen
// since.
func (s sighting) until(begin int64) int64 {
	if s.stale > s.last || s.last < begin {
		return s.last
	}
	return math.MaxInt64
}

// presentUntil says until when nodes were there, Unix ms: what the server says of
// the collectors' targets, and what kube-state-metrics says of nodes. A node of
// which neither says anything is not in it.
func (r *reading) presentUntil(kube map[string]*sighting, begin int64) map[string]int64 {
	nodes := map[string]int64{}
	for _, t := range r.known {
		if t.node != "" && t.up.last > 0 {
			nodes[t.node] = max(nodes[t.node], t.up.until(begin))
		}
	}
	for node, s := range kube {
		nodes[node] = max(nodes[node], s.until(begin))
	}
	return nodes
}

// readFormer finds the targets of collectors on nodes where none was seen in the
// window.
func (r *reading) readFormer(ctx context.Context, devices []usage.Device, seen map[string]bool) error {
	missing := map[string]bool{}
	for _, d := range devices {
		if d.Node != "" && !seen[d.Node] {
			missing[d.Node] = true
		}
	}
	families := families{metric.NodeInfo.Name: {role: node, most: mostAmount}}
	q := r.query
	q.From, q.To = q.From.Add(-former), q.From
	for names := range slices.Chunk(slices.Sorted(maps.Keys(missing)), mostNames) {
		q.Matchers = append(families.matchers(), anyOf(metric.LabelNode, names))
		in := newIntake(families, r.source.identity, r.known, q.From.UnixMilli(), q.To.UnixMilli())
		if err := r.all(ctx, r.source.cfg.Reader, q, in); err != nil {
			return fmt.Errorf("look for collectors that were there before: %w", err)
		}
		for _, t := range in.targets {
			t.former = true
		}
		maps.Copy(r.known, in.targets)
	}
	return nil
}

// readUp reads how long the server knew the targets of collectors. Those of
// others are skipped at once, most of them by the server.
func (r *reading) readUp(ctx context.Context) error {
	if len(r.known) == 0 {
		return nil
	}
	q := r.query
	q.Matchers = []series.Matcher{{Name: nameLabel, Op: series.Equal, Value: upName}}
	jobs := map[string]bool{}
	for _, t := range r.known {
		jobs[t.job] = true
	}
	if len(jobs) <= mostJobs {
		q.Matchers = append(q.Matchers, anyOf(jobLabel, slices.Sorted(maps.Keys(jobs))))
	}
	if err := r.all(ctx, r.source.cfg.Reader, q, &targetPresence{identity: r.source.identity, of: r.known, to: r.to}); err != nil {
		return fmt.Errorf("read %s of the collectors: %w", upName, err)
	}
	return nil
}

// targetPresence takes in until when the server knew some targets, and nothing of others.
type targetPresence struct {
	identity identity
	of       map[string]*target
	to       int64 // Unix ms
	key      []byte
}

func (u *targetPresence) take(s series.Series) error {
	u.key = u.identity.appendTarget(u.key[:0], s.Labels)
	if t := u.of[string(u.key)]; t != nil {
		t.up.see(s, u.to)
	}
	return nil
}

func (u *targetPresence) reset() {
	for _, t := range u.of {
		t.up = sighting{}
	}
}

// anyOf matches a label with one of the values.
func anyOf(label string, values []string) series.Matcher {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return series.Matcher{Name: label, Op: series.Match, Value: strings.Join(quoted, "|")}
}
