package quota

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/glob"
)

// Names that no project, department or node pool can have: reports show them
// where there is none, or where a quota is for all pools together.
const (
	None     = "(none)"
	AllPools = "(all)"
)

// Projects is a checked projects file. It does not change, and many goroutines
// may use it.
type Projects struct {
	pools    []poolRule // by precedence
	projects map[string]*project
	exact    map[string][]owner // by namespace, each by precedence
	patterns []owner            // by precedence
	moves    []time.Time
	revision string
}

type project struct {
	name, department string
	terms            []term
}

// term is a Quota ready for use.
type term struct {
	Quota
	from, to int64 // Unix ms
}

// poolRule puts the GPUs that match into a node pool.
type poolRule struct {
	name        string
	node, model glob.Pattern
	index       int
}

func (p poolRule) rival(q poolRule) bool {
	return p.name != q.name && comparePools(p, q) == 0 &&
		glob.Overlap(p.node, q.node) && glob.Overlap(p.model, q.model)
}

func comparePools(a, b poolRule) int {
	return cmp.Or(glob.Compare(b.node, a.node), glob.Compare(b.model, a.model))
}

// Department says which department a project belongs to, "" for none.
func (p *Projects) Department(name string) string {
	if found, ok := p.projects[name]; ok {
		return found.department
	}
	return ""
}

// Pool says which node pool a GPU is in, "" if in none.
func (p *Projects) Pool(node, model string) string {
	for _, candidate := range p.pools {
		if candidate.node.Match(node) && candidate.model.Match(model) {
			return candidate.name
		}
	}
	return ""
}

// HasNodePools reports whether there are rules for Pool.
func (p *Projects) HasNodePools() bool { return len(p.pools) > 0 }

// HasQuotas reports whether any project has one.
func (p *Projects) HasQuotas() bool {
	for _, owner := range p.projects {
		if len(owner.terms) > 0 {
			return true
		}
	}
	return false
}

// Grant is a quota of a project.
type Grant struct {
	Project, Department string
	Quota
}

// At returns the quotas that are valid at an instant, by project and node pool.
func (p *Projects) At(at time.Time) []Grant {
	ms := at.UnixMilli()
	var valid []Grant
	for _, owner := range p.projects {
		for _, t := range owner.terms {
			if t.from <= ms && ms < t.to {
				valid = append(valid, Grant{owner.name, owner.department, t.Quota})
			}
		}
	}
	slices.SortFunc(valid, func(a, b Grant) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.NodePool, b.NodePool))
	})
	return valid
}

// Revision is a hash of what the file says, the same for every order of
// projects and node pools.
func (p *Projects) Revision() string { return p.revision }

func revision(pools []NodePool, projects []Project) (string, error) {
	var lines []string
	add := func(v any) error {
		line, err := json.Marshal(v)
		lines = append(lines, string(line))
		return err
	}
	for _, v := range pools {
		v.Nodes, v.Models = sorted(v.Nodes), sorted(v.Models)
		if err := add(v); err != nil {
			return "", err
		}
	}
	for _, v := range projects {
		v.Namespaces, v.Clusters = sortedNamespaces(v.Namespaces), sorted(v.Clusters)
		v.Quotas = slices.Clone(v.Quotas)
		for i, q := range v.Quotas {
			v.Quotas[i].From, v.Quotas[i].To = q.From.UTC(), q.To.UTC()
		}
		slices.SortFunc(v.Quotas, func(a, b Quota) int {
			return cmp.Or(strings.Compare(a.NodePool, b.NodePool), a.From.Compare(b.From))
		})
		if err := add(v); err != nil {
			return "", err
		}
	}
	slices.Sort(lines)
	return checksum.SHA256([]byte(strings.Join(lines, "\n"))), nil
}

func sortedNamespaces(list []Namespace) []Namespace {
	all := slices.Clone(list)
	for i, n := range all {
		all[i].From, all[i].To = n.From.UTC(), n.To.UTC()
	}
	slices.SortFunc(all, func(a, b Namespace) int {
		return cmp.Or(strings.Compare(a.Pattern, b.Pattern), a.From.Compare(b.From), a.To.Compare(b.To))
	})
	return all
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }
