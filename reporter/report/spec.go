package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// Spec says what is asked for. As what it is published (name, revision, id) is
// given when it is published.
type Spec struct {
	Window   window.Window
	TimeZone string // IANA name in which the report shows times, "" for UTC
	GroupBy  []Dimension
	// Clusters are those that the report must contain; a cluster without a
	// closed hour lowers the coverage. Empty: those that are found.
	Clusters []string
	// AllClusters: nobody chose the Clusters, they are all that had something to
	// report.
	AllClusters bool
	Provisional bool // the period is still open
	// MinimumCoverage is the ratio below which a report fails, 0 to 1.
	MinimumCoverage float64
}

// Dimension is something that a report groups by.
type Dimension string

// The dimensions. Node and namespace bring the cluster with them, pod also the
// namespace and the pod's UID, since their names are unique only there.
const (
	ByDepartment Dimension = "department"
	ByProject    Dimension = "project"
	ByCluster    Dimension = "cluster"
	ByNodePool   Dimension = "node_pool"
	ByNode       Dimension = "node"
	ByNamespace  Dimension = "namespace"
	ByPod        Dimension = "pod"

	// ByPodUID is what ByPod brings with it; nobody asks for it alone.
	ByPodUID Dimension = "pod_uid"
)

// order is the order of the key columns, whatever the order of a GroupBy.
func order() []Dimension {
	return []Dimension{ByDepartment, ByProject, ByCluster, ByNodePool, ByNode, ByNamespace, ByPod, ByPodUID}
}

// ParseGroupBy reads a comma-separated list of dimensions; an empty list
// groups by the state only.
func ParseGroupBy(list string) ([]Dimension, error) {
	if list == "" {
		return nil, nil
	}
	var dims []Dimension
	for name := range strings.SplitSeq(list, ",") {
		d := Dimension(strings.TrimSpace(name))
		if err := d.check(); err != nil {
			return nil, err
		}
		if slices.Contains(dims, d) {
			return nil, fmt.Errorf("group by %q: is there twice", d)
		}
		dims = append(dims, d)
	}
	return dims, nil
}

func (d Dimension) check() error {
	if d == ByPodUID || !slices.Contains(order(), d) {
		return fmt.Errorf("group by %q: is none of department, project, cluster, node_pool, node, namespace, pod", d)
	}
	return nil
}

// Columns are the key columns, in order: the dimensions that the report groups
// by, and those that they bring with them.
func (s Spec) Columns() []Dimension {
	has := func(d Dimension) bool { return slices.Contains(s.GroupBy, d) }
	var columns []Dimension
	for _, d := range order() {
		switch {
		case has(d),
			d == ByCluster && (has(ByNode) || has(ByNamespace) || has(ByPod)),
			(d == ByNamespace || d == ByPodUID) && has(ByPod):
			columns = append(columns, d)
		}
	}
	return columns
}

// Check says all that is wrong with the spec.
func (s Spec) Check() error {
	var errs []error
	if !s.Window.From.Before(s.Window.To) {
		errs = append(errs, fmt.Errorf("window %s is empty", s.Window))
	}
	for _, at := range []time.Time{s.Window.From, s.Window.To} {
		if !at.Equal(at.Truncate(time.Millisecond)) {
			errs = append(errs, fmt.Errorf("window %s: %s is finer than a millisecond", s.Window, at.Format(time.RFC3339Nano)))
		}
	}
	if _, err := s.Location(); err != nil {
		errs = append(errs, err)
	}
	for i, d := range s.GroupBy {
		if err := d.check(); err != nil {
			errs = append(errs, err)
		}
		if slices.Contains(s.GroupBy[:i], d) {
			errs = append(errs, fmt.Errorf("group by %q: is there twice", d))
		}
	}
	if math.IsNaN(s.MinimumCoverage) || s.MinimumCoverage < 0 || s.MinimumCoverage > 1 {
		errs = append(errs, fmt.Errorf("minimum coverage %v: must be between 0 and 1", s.MinimumCoverage))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("report of %s: %w", s.Window, err)
	}
	return nil
}

// Location is the time zone in which the report shows times.
func (s Spec) Location() (*time.Location, error) {
	if s.TimeZone == "" {
		return time.UTC, nil
	}
	return window.Zone(s.TimeZone)
}
