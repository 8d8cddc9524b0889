package quota

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gputally/gputally/reporter/glob"
)

// New checks node pools and projects. All problems come back at once, joined,
// as *PoolError and *ProjectError.
func New(pools []NodePool, projects []Project) (*Projects, error) {
	c := checker{
		out:    &Projects{projects: map[string]*project{}, exact: map[string][]owner{}},
		pools:  map[string]int{},
		owners: map[string]int{},
	}
	for i, p := range pools {
		c.pool(i, p)
	}
	for i, p := range projects {
		c.project(i, p)
	}
	c.rivals()
	rev, err := revision(pools, projects)
	if err != nil && len(c.errs) == 0 {
		c.errs = append(c.errs, fmt.Errorf("hash projects: %w", err))
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.out.revision = rev
	slices.SortStableFunc(c.out.pools, comparePools)
	c.out.orderOwners()
	return c.out, nil
}

// checker collects a file and all that is wrong with it.
type checker struct {
	out    *Projects
	pools  map[string]int // index by name
	owners map[string]int
	errs   []error
}

func (c *checker) failPool(index int, field, format string, args ...any) {
	c.errs = append(c.errs, &PoolError{index, field, fmt.Sprintf(format, args...)})
}

func (c *checker) fail(index int, field, format string, args ...any) {
	c.errs = append(c.errs, &ProjectError{index, field, fmt.Sprintf(format, args...)})
}

func (c *checker) pool(index int, p NodePool) {
	if problem := checkName(p.Name); problem != "" {
		c.failPool(index, "name", "%s", problem)
	} else if first, taken := c.pools[p.Name]; taken {
		c.failPool(index, "name", "%q is the name of node_pools[%d] too", p.Name, first)
	} else {
		c.pools[p.Name] = index
	}
	for _, i := range empty(p.Nodes) {
		c.failPool(index, fmt.Sprintf("nodes[%d]", i), `is empty; write "*" for all`)
	}
	for _, i := range empty(p.Models) {
		c.failPool(index, fmt.Sprintf("models[%d]", i), `is empty; write "*" for all`)
	}
	if len(p.Nodes) == 0 && len(p.Models) == 0 {
		return // named only
	}
	for _, node := range orAll(p.Nodes) {
		for _, model := range orAll(p.Models) {
			c.out.pools = append(c.out.pools, poolRule{p.Name, glob.Compile(node), glob.Compile(model), index})
		}
	}
}

func (c *checker) project(index int, p Project) {
	if problem := checkName(p.Name); problem != "" {
		c.fail(index, "name", "%s", problem)
	} else if first, taken := c.owners[p.Name]; taken {
		c.fail(index, "name", "%q is the name of projects[%d] too", p.Name, first)
	} else {
		c.owners[p.Name] = index
	}
	if p.Department != "" {
		if problem := checkName(p.Department); problem != "" {
			c.fail(index, "department", "%s", problem)
		}
	}
	made := &project{name: p.Name, department: p.Department}
	c.out.projects[p.Name] = made
	for _, i := range empty(p.Clusters) {
		c.fail(index, fmt.Sprintf("clusters[%d]", i), `is empty; write "*" for all`)
	}
	for i, n := range p.Namespaces {
		c.namespace(index, i, made, n, orAll(p.Clusters))
	}
	for i, q := range p.Quotas {
		c.quota(index, i, made, q)
	}
}

func (c *checker) quota(index, i int, p *project, q Quota) {
	fail := func(field, format string, args ...any) {
		c.fail(index, fmt.Sprintf("quotas[%d].%s", i, field), format, args...)
	}
	if _, known := c.pools[q.NodePool]; q.NodePool != "" && !known {
		fail("node_pool", "%q is no node pool of this file", q.NodePool)
	}
	if q.DeservedMilli < 0 || q.DeservedMilli > MaxMilli {
		fail("deserved", "must be between 0 and %d GPUs", MaxMilli/1000)
	}
	if q.LimitMilli != nil && *q.LimitMilli < max(q.DeservedMilli, 0) {
		fail("limit", "must not be below deserved")
	}
	if q.OverQuotaWeight < 0 || math.IsNaN(q.OverQuotaWeight) || math.IsInf(q.OverQuotaWeight, 0) {
		fail("over_quota_weight", "must be a number from 0 up")
	}
	t := term{Quota: q}
	t.from, t.to = checkRange(q.From, q.To, fail)
	for j, earlier := range p.terms {
		if earlier.from >= t.to || t.from >= earlier.to {
			continue
		}
		if earlier.NodePool == q.NodePool {
			fail("from", "is valid at the same time as quotas[%d] of the same node pool", j)
		} else if earlier.NodePool == "" || q.NodePool == "" {
			fail("node_pool", "one quota for all pools and quotas[%d] for one pool are valid at the same time; use one form", j)
		}
	}
	p.terms = append(p.terms, t)
}

// checkRange returns a half-open range of time in Unix ms, open where a bound is
// the zero time, and says what is wrong with it.
func checkRange(from, to time.Time, fail func(field, format string, args ...any)) (fromMillis, toMillis int64) {
	fromMillis, toMillis = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		fromMillis = from.UnixMilli()
	}
	if !to.IsZero() {
		toMillis = to.UnixMilli()
	}
	if fromMillis >= toMillis {
		fail("from", "is not before to")
	}
	if !from.Equal(from.Truncate(time.Millisecond)) {
		fail("from", "is finer than a millisecond")
	}
	if !to.Equal(to.Truncate(time.Millisecond)) {
		fail("to", "is finer than a millisecond")
	}
	return fromMillis, toMillis
}

// checkName says why a name can't be used. Reports show names in parentheses
// for what has none, and spreadsheets take = + - @ for formulas.
func checkName(name string) string {
	switch {
	case name == "":
		return "is missing"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Sprintf("%q has characters that can't be printed", name)
	case strings.TrimSpace(name) != name:
		return fmt.Sprintf("%q begins or ends with a space", name)
	case strings.ContainsRune("(=+-@", rune(name[0])):
		return fmt.Sprintf("%q must not begin with %c", name, name[0])
	}
	return ""
}

// empty returns the places of the empty patterns.
func empty(patterns []string) []int {
	var at []int
	for i, pattern := range patterns {
		if pattern == "" {
			at = append(at, i)
		}
	}
	return at
}

func orAll(patterns []string) []string {
	if len(patterns) == 0 {
		return []string{"*"}
	}
	return patterns
}
