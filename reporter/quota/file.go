package quota

import (
	"encoding/json"
	"fmt"
	"time"
)

// NodePool names a part of the fleet.
type NodePool struct {
	Name string
	// Nodes and Models are glob patterns. A GPU is in the pool if its node
	// matches one of Nodes and its model one of Models; an empty list matches
	// everything. If both are empty, the pool is only named here, and GPUs come
	// into it by a label of their node.
	Nodes, Models []string
}

// Project is a team, or a part of one, that owns namespaces.
type Project struct {
	Name       string
	Department string // "" if it belongs to none
	// Namespaces are those that are the project's.
	Namespaces []Namespace
	// Clusters are glob patterns of the clusters in which they are; empty for all.
	Clusters []string
	Quotas   []Quota
}

// Namespace gives the namespaces that match a pattern to a project.
type Namespace struct {
	Pattern string // a glob
	// From and To are the half-open range in which they are the project's, exact
	// to the millisecond; the zero time leaves that side open.
	From, To time.Time
}

// Always gives the namespaces that match the patterns to a project for all time.
func Always(patterns ...string) []Namespace {
	all := make([]Namespace, len(patterns))
	for i, pattern := range patterns {
		all[i].Pattern = pattern
	}
	return all
}

// MarshalJSON writes the pattern alone if it is for all time: so the revision
// of a file without dates is what it was before there were any.
func (n Namespace) MarshalJSON() ([]byte, error) {
	if n.From.IsZero() && n.To.IsZero() {
		return json.Marshal(n.Pattern)
	}
	type dated Namespace // without this method
	return json.Marshal(dated(n))
}

// Quota is what a project may use in a range of time.
type Quota struct {
	NodePool string // "" for all pools together
	// DeservedMilli is what the project may rely on, in thousandths of a GPU.
	DeservedMilli int64
	// LimitMilli is what it can't exceed, in thousandths of a GPU; nil is no limit.
	LimitMilli *int64
	// OverQuotaWeight is the project's weight when spare GPUs are shared out.
	OverQuotaWeight float64
	// From and To are the half-open range in which the quota is valid, exact to
	// the millisecond; the zero time leaves that side open.
	From, To time.Time
}

// MaxMilli is the highest quota, a billion GPUs in thousandths.
const MaxMilli = 1_000_000_000_000

// PoolError says what is wrong with one node pool.
type PoolError struct {
	Index  int    // of the node pool, from 0
	Field  string // as in the projects file: models[0]
	Reason string
}

func (e *PoolError) Error() string {
	return fmt.Sprintf("node_pools[%d].%s: %s", e.Index, e.Field, e.Reason)
}

// ProjectError says what is wrong with one project.
type ProjectError struct {
	Index  int    // of the project, from 0
	Field  string // as in the projects file: quotas[1].limit
	Reason string
}

func (e *ProjectError) Error() string {
	return fmt.Sprintf("projects[%d].%s: %s", e.Index, e.Field, e.Reason)
}
