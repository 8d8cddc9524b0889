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
	"github.com/gputally/gputally/reporter/window"
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
	// silence is how much earlier than a collector's samples those of others that
	// know of it may end.
	silence = 5 * time.Minute
)

// sighting is until when the server saw something that has samples as long as
// it is there, whatever their values.
type sighting struct {
	last  int64 // time of the latest sample, Unix ms; 0 for none
	stale int64 // time of the latest staleness marker, Unix ms
}

// see takes in a series; samples before from and after to, Unix ms, are not looked
// at.
func (s *sighting) see(seen series.Series, from, to int64) {
	for _, p := range slices.Backward(seen.Samples) {
		if p.T <= to && p.T >= from {
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
// which neither says anything is not in it, unless its fate is unknown.
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
	for node := range r.unknown {
		nodes[node] = math.MaxInt64
	}
	return nodes
}

// readFormer finds the targets of collectors on nodes where none was seen in the
// window. The previous hour had the nodes: if it saw their collectors, the server
// must know them still. It is asked once more, and then it is unknown what became of
// the nodes.
func (r *reading) readFormer(ctx context.Context, n usage.Neighbours, seen map[string]bool) error {
	missing := map[string]bool{} // by node, whether its collector was seen within the previous day
	for _, d := range n.Devices {
		if d.Node != "" && !seen[d.Node] {
			missing[d.Node] = missing[d.Node] || r.recent(d.UUID)
		}
	}
	for names := range slices.Chunk(slices.Sorted(maps.Keys(missing)), mostNames) {
		for _, label := range r.nodeLabels() {
			found, err := r.former(ctx, label, names)
			if err != nil {
				return fmt.Errorf("look for collectors that were there before: %w", err)
			}
			names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
				return found[name] || label == metric.LabelNode && !missing[name]
			})
			if len(names) == 0 {
				break
			}
		}
		for _, name := range names {
			r.unknown[name] = true
		}
	}
	return nil
}

// recent tells whether an hour saw the collector of a GPU of the previous hour
// since the time that former collectors are looked for in.
func (r *reading) recent(uuid string) bool {
	for _, table := range r.before {
		if since, unseen := table.Find(uuid, "", "", usage.Unseen); unseen {
			return since[0] > r.query.From.Add(time.Hour-former).UnixMilli()
		}
	}
	return true
}

// nodeLabels are the labels that may have the node of a collector, each twice. Where none
// is known, Prometheus may have renamed it.
func (r *reading) nodeLabels() []string {
	labels := []string{metric.LabelNode, metric.LabelNode}
	isNode := func(l labelOfJob) bool { return l.name == metric.LabelNode }
	if len(r.known) == 0 || slices.ContainsFunc(slices.Collect(maps.Keys(r.doubts.renamed)), isNode) {
		const renamed = exportedPrefix + metric.LabelNode
		labels = []string{renamed, metric.LabelNode, renamed, metric.LabelNode}
	}
	return labels
}

// former adds the collectors that nodes had before, by a label that may have the node,
// and returns which nodes had any.
func (r *reading) former(ctx context.Context, label string, nodes []string) (found map[string]bool, err error) {
	families := families{metric.NodeInfo.Name: {role: node, most: mostAmount}}
	q := r.query
	q.From, q.To = q.From.Add(-former), q.From
	q.Matchers = append(families.matchers(), anyOf(label, nodes))
	in := newIntake(families, r.source.identity, nil, q.From.UnixMilli(), q.To.UnixMilli())
	if err := r.all(ctx, r.source.cfg.Reader, q, in); err != nil {
		return nil, err
	}
	found = map[string]bool{}
	for key, t := range in.targets {
		if !slices.Contains(nodes, t.node) { // the label is the target's own
			continue
		}
		found[t.node] = true
		if known := r.known[key]; known != nil {
			known.job, known.node = t.job, max(known.node, t.node)
			continue
		}
		t.former = true
		r.known[key] = t
	}
	return found, nil
}

// readUp reads how long the server knew the targets of collectors, once more if the
// answer can't be all: both count. Those of others are skipped at once, most of them
// by the server.
func (r *reading) readUp(ctx context.Context, w window.Window) error {
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
	presence := &targetPresence{identity: r.source.identity, of: r.known, from: r.from, to: r.to}
	for range 2 {
		if err := r.all(ctx, r.source.cfg.Reader, q, presence); err != nil {
			return fmt.Errorf("read %s of the collectors: %w", upName, err)
		}
		if r.upIsWhole(w) {
			break
		}
	}
	return nil
}

// upIsWhole tells whether the answer to the read of up can be all. A target has up
// as long as it has other samples. There may be no up at all: that matters only if
// a collector is not seen up to the window's end.
func (r *reading) upIsWhole(w window.Window) bool {
	some, matters, late := false, false, silence.Milliseconds()
	for _, t := range r.known {
		some = some || t.up.last > 0
		matters = matters || t.former || t.starts.last < w.To.UnixMilli()-late
	}
	if !some {
		return !matters
	}
	for _, t := range r.known {
		if t.former && t.up.last == 0 || t.starts.last >= w.From.UnixMilli() && t.up.last < t.starts.last-late {
			return false
		}
	}
	return true
}

// targetPresence takes in until when the server knew some targets, and nothing of others.
type targetPresence struct {
	identity identity
	of       map[string]*target
	from, to int64 // Unix ms
	key      []byte
}

func (u *targetPresence) take(s series.Series) error {
	u.key = u.identity.appendTarget(u.key[:0], s.Labels)
	if t := u.of[string(u.key)]; t != nil {
		t.up.see(s, u.from, u.to)
	}
	return nil
}

// reset keeps what was taken: that a target was there is true whatever the rest of
// an answer is.
func (u *targetPresence) reset() {}

// anyOf matches a label with one of the values.
func anyOf(label string, values []string) series.Matcher {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return series.Matcher{Name: label, Op: series.Match, Value: strings.Join(quoted, "|")}
}
