package rollup

import (
	"fmt"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

// quotas counts what tenants held against the quotas of their projects. What is
// over quota depends on all that a project holds at an instant. So a Tally adds
// it up, and the cells are filled when a table is made.
type quotas struct {
	tally   *quota.Tally
	any     bool // projects have quotas; else there is nothing to count
	names   *intern.Names
	holders perOrigin[holder]
	hour    int64                         // this hour, Unix ms
	shown   map[quota.Scope]quota.Figures // those that are in the cells
}

// The cells of quotas, in GPU-milliseconds.
const (
	cellScopes = iota // quotas that the row has figures of
	cellDeserved
	cellOver
	cellLeft
	quotaCells
)

// holder counts the segments of an origin; nil if they count against no quota.
type holder struct{ *quota.Holder }

func newQuotas(projects *quota.Projects, spec report.Spec, names *intern.Names) *quotas {
	return &quotas{tally: projects.Tally(spec.Window), any: projects.HasQuotas(), names: names, shown: map[quota.Scope]quota.Figures{}}
}

func (q *quotas) needs() needs {
	n := needs{cells: quotaCells}
	if q.any {
		n.owner, n.nodePool = true, true
		n.numbers = []usage.Number{usage.NumberHeldFrom, usage.NumberHeldTo, usage.NumberGPU}
	}
	return n
}

func (q *quotas) add(b *batch, _ cells) error {
	if !q.any {
		return nil
	}
	if hour := b.inside.From.UnixMilli(); hour > q.hour { // segments lie within their hours
		q.tally.Flush()
		q.hour = hour
	}
	from, to, gpu := b.Numbers[usage.NumberHeldFrom], b.Numbers[usage.NumberHeldTo], b.Numbers[usage.NumberGPU]
	for i, class := range b.classOf {
		o := b.origins[class]
		h := q.holders.of(o, q.holder)
		if h.Holder == nil {
			continue
		}
		if err := h.Hold(from[i], to[i], gpu[i]); err != nil {
			return fmt.Errorf("project %q: %w", q.names.Text(o.project), err)
		}
	}
	return nil
}

func (q *quotas) holder(o *origin) *holder {
	if o.stateName != usage.Allocated {
		return &holder{}
	}
	return &holder{q.tally.Holder(q.names.Text(o.project), q.names.Text(o.nodePool))}
}

// finish adds the figures of each scope to its row, less what it added for an
// earlier table. A scope that was not used gets a row of its own.
func (q *quotas) finish(t *report.Table, row func(report.Key) []int64) {
	t.HasQuota = true
	for _, f := range q.tally.Figures() {
		shown, known := q.shown[f.Scope]
		cells := row(report.Key{
			State: usage.Allocated, Project: f.Project, Department: orNone(f.Department), NodePool: orNone(f.NodePool),
		})
		if !known {
			cells[cellScopes]++
		}
		cells[cellDeserved] += f.Deserved - shown.Deserved
		cells[cellOver] += f.Over - shown.Over
		cells[cellLeft] += f.Left - shown.Left
		q.shown[f.Scope] = f
	}
}

func (*quotas) fill(row *report.Row, cells []int64) {
	if cells[cellScopes] > 0 {
		row.Quota = &report.Quota{Deserved: cells[cellDeserved], Over: cells[cellOver], Left: cells[cellLeft]}
	}
}
