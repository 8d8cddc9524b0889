package quota

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Scope is what a quota holds for: a project in a node pool, "" for the GPUs
// that are in none, or AllPools.
type Scope struct {
	Project, NodePool string
}

// Figures are the figures of one scope in a window, in GPU-milliseconds.
type Figures struct {
	Scope
	Department string
	Deserved   int64
	Within     int64 // metered use up to the deserved
	Over       int64 // metered use beyond it
	Left       int64
}

// Tally adds up use against quotas over a window. It keeps the holdings that
// were added since the last Flush and one sum per scope.
type Tally struct {
	projects *Projects
	window   window.Window
	scopes   map[Scope]*use
}

type use struct {
	terms  []term // of the scope
	events []event
	recent [1 << recentBits]int32 // places in events, by a hash of their time
	millis int64                  // metered
	over   gpuTime
}

// Tally returns an empty tally of a window.
func (p *Projects) Tally(w window.Window) *Tally {
	t := &Tally{p, w, map[Scope]*use{}}
	for _, owner := range p.projects {
		for _, term := range owner.terms {
			if max(term.from, w.From.UnixMilli()) < min(term.to, w.To.UnixMilli()) {
				t.use(owner, scopePool(term))
			}
		}
	}
	return t
}

func scopePool(t term) string {
	if t.NodePool == "" {
		return AllPools
	}
	return t.NodePool
}

func (t *Tally) use(p *project, nodePool string) *use {
	scope := Scope{p.name, nodePool}
	u, ok := t.scopes[scope]
	if !ok {
		u = &use{}
		for _, term := range p.terms {
			if scopePool(term) == nodePool {
				u.terms = append(u.terms, term)
			}
		}
		t.scopes[scope] = u
	}
	return u
}

// Add counts a segment that lies in the window as use of a project in a node
// pool. Segments that are not allocated, and projects without quotas, count
// nothing. All segments that overlap in time are added before the next Flush.
func (t *Tally) Add(projectName, nodePool string, seg usage.Segment) error {
	h := t.Holder(projectName, nodePool)
	if h == nil || seg.State != usage.Allocated {
		return nil
	}
	if err := h.Hold(seg.HeldFrom, seg.HeldTo, seg.GPUMillis); err != nil {
		return fmt.Errorf("segment of pod %s/%s: %w", seg.Namespace, seg.Pod, err)
	}
	return nil
}

// Holder counts the use of one project in one node pool, segment by segment.
type Holder struct {
	tally    *Tally
	project  *project
	nodePool string
	scope    *use  // that the use counts for
	from, to int64 // while it does, Unix ms
}

// Holder returns the Holder of a project in a node pool, nil if the project has
// no quotas and its use is not counted.
func (t *Tally) Holder(projectName, nodePool string) *Holder {
	p, ok := t.projects.projects[projectName]
	if !ok || len(p.terms) == 0 {
		return nil
	}
	return &Holder{tally: t, project: p, nodePool: nodePool}
}

// Hold counts GPU-milliseconds of allocated time that were held from one
// instant to another, Unix ms.
func (h *Holder) Hold(heldFrom, heldTo, millis int64) error {
	if millis == 0 {
		return nil
	}
	if millis < 0 || heldFrom >= heldTo {
		return fmt.Errorf("%d GPU-ms are held from %d to %d: the ledger is damaged, close the hour again", millis, heldFrom, heldTo)
	}
	for from := heldFrom; from < heldTo; {
		h.at(from)
		to, part := min(h.to, heldTo), millis
		if from > heldFrom || to < heldTo {
			cut, _ := usage.Segment{HeldFrom: heldFrom, HeldTo: heldTo, GPUMillis: millis}.Cut(from, to)
			part = cut.GPUMillis
		}
		if err := h.scope.spread(from, to, part); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// at sets the scope for which the use counts at an instant.
func (h *Holder) at(instant int64) {
	if h.scope != nil && h.from <= instant && instant < h.to {
		return
	}
	name, until := h.project.scopeAt(h.nodePool, instant)
	h.scope, h.from, h.to = h.tally.use(h.project, name), instant, until
}

// scopeAt says which scope the use of a node pool counts for at an instant,
// and until when: a project may have changed from one quota for all pools to
// one for each.
func (p *project) scopeAt(nodePool string, at int64) (scope string, until int64) {
	scope, until = AllPools, 1<<63-1
	for _, t := range p.terms {
		if t.NodePool != "" {
			scope = nodePool
		}
	}
	if scope == AllPools {
		return scope, until // the project never had quotas by pool
	}
	for _, t := range p.terms {
		switch {
		case t.NodePool != "":
		case t.from <= at && at < t.to:
			return AllPools, t.to
		case t.from > at:
			until = min(until, t.from)
		}
	}
	return scope, until
}

// Flush says that no segment that is added later overlaps with one that was
// added so far.
func (t *Tally) Flush() {
	for _, u := range t.scopes {
		u.sweep()
	}
}

// Figures returns the figures of every scope that has a quota in the window or
// was used, by project and node pool.
func (t *Tally) Figures() []Figures {
	t.Flush()
	all := make([]Figures, 0, len(t.scopes))
	for _, scope := range slices.SortedFunc(maps.Keys(t.scopes), compareScopes) {
		u := t.scopes[scope]
		f := Figures{Scope: scope, Department: t.projects.Department(scope.Project)}
		f.Deserved = u.deserved(t.window.From.UnixMilli(), t.window.To.UnixMilli())
		f.Over = u.over.round()
		f.Within = u.millis - f.Over
		f.Left = max(0, f.Deserved-f.Within)
		all = append(all, f)
	}
	return all
}

func compareScopes(a, b Scope) int {
	return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.NodePool, b.NodePool))
}
