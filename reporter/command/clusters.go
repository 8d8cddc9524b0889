package command

import (
	"context"
	"slices"
	"strings"
)

// names are those of the configured clusters.
func (p *Program) names() []string {
	names := make([]string, len(p.Clusters))
	for i, c := range p.Clusters {
		names[i] = c.Name
	}
	return names
}

// chosen are the configured clusters with these names, or all if there are none.
func (p *Program) chosen(names []string) ([]Cluster, error) {
	if len(names) == 0 {
		return p.Clusters, nil
	}
	if err := checkNames(names, p.names()); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(p.Clusters), func(c Cluster) bool { return !slices.Contains(names, c.Name) }), nil
}

// allNames are the clusters of the configuration and those that have closed
// hours, sorted. Those that are not configured can be looked at all the same.
func (p *Program) allNames(ctx context.Context) ([]string, error) {
	all, err := p.Index.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, p.names()...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// checkNames refuses names that none of the clusters has.
func checkNames(names, clusters []string) error {
	for _, name := range names {
		if !slices.Contains(clusters, name) {
			return misused("--cluster: %q is none of %s", name, strings.Join(clusters, ", "))
		}
	}
	return nil
}
