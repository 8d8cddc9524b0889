package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gputally/gputally/reporter/quota"
)

// projectsFile is projects.yaml.
type projectsFile struct {
	TimeZone  string         `yaml:"time_zone"`
	NodePools []nodePoolKeys `yaml:"node_pools"`
	Projects  []projectKeys  `yaml:"projects"`
}

type nodePoolKeys struct {
	Name   string   `yaml:"name"`
	Nodes  []string `yaml:"nodes"`
	Models []string `yaml:"models"`
}

type projectKeys struct {
	Name       string          `yaml:"name"`
	Department string          `yaml:"department"`
	Namespaces []namespaceKeys `yaml:"namespaces"`
	Clusters   []string        `yaml:"clusters"`
	Quota      []quotaKeys     `yaml:"quota"`
}

// namespaceKeys is a pattern with its time, or a pattern alone.
type namespaceKeys struct {
	Pattern string `yaml:"pattern"`
	From    string `yaml:"from"`
	To      string `yaml:"to"`
}

func (k *namespaceKeys) decodeNode(d *document, n *yaml.Node, path string) {
	if n.Kind == yaml.ScalarNode {
		k.Pattern = n.Value
		return
	}
	d.structure(n, path, reflect.ValueOf(k).Elem())
}

type quotaKeys struct {
	NodePool        string     `yaml:"node_pool"`
	Deserved        *milliGPUs `yaml:"deserved"`
	Limit           *milliGPUs `yaml:"limit"`
	OverQuotaWeight float64    `yaml:"over_quota_weight"`
	From            string     `yaml:"from"`
	To              string     `yaml:"to"`
}

func parseProjects(file string, data []byte) (*quota.Projects, Errors) {
	var raw projectsFile
	d := decode(file, data, &raw)
	if !d.has("") {
		return nil, d.errs
	}
	loc := d.zone("time_zone", raw.TimeZone)
	pools := make([]quota.NodePool, len(raw.NodePools))
	for i, p := range raw.NodePools {
		pools[i] = quota.NodePool(p)
	}
	projects := make([]quota.Project, len(raw.Projects))
	for i, p := range raw.Projects {
		projects[i] = p.project(d, fmt.Sprintf("projects[%d]", i), loc)
	}
	if len(d.errs) > 0 {
		return nil, d.sorted()
	}
	made, err := quota.New(pools, projects)
	for _, err := range each(err) {
		var pool *quota.PoolError
		var project *quota.ProjectError
		switch {
		case errors.As(err, &pool):
			d.fail(fmt.Sprintf("node_pools[%d].%s", pool.Index, pool.Field), "%s", pool.Reason)
		case errors.As(err, &project):
			// The domain speaks of a project's quotas; the key is quota.
			asKey := strings.NewReplacer("quotas[", "quota[")
			d.fail(fmt.Sprintf("projects[%d].%s", project.Index, asKey.Replace(project.Field)), "%s", asKey.Replace(project.Reason))
		default:
			d.fail("", "%s", err)
		}
	}
	return made, d.sorted()
}

func (k projectKeys) project(d *document, at string, loc *time.Location) quota.Project {
	p := quota.Project{Name: k.Name, Department: k.Department, Clusters: k.Clusters}
	if len(k.Namespaces) == 0 {
		d.fail(at+".namespaces", `is required: a project owns at least one namespace; write ["*"] for all`)
	}
	for i, n := range k.Namespaces {
		at := fmt.Sprintf("%s.namespaces[%d]", at, i)
		made := quota.Namespace{Pattern: n.Pattern}
		made.From, made.To = d.instants(at, n.From, n.To, loc)
		p.Namespaces = append(p.Namespaces, made)
	}
	for i, q := range k.Quota {
		at := fmt.Sprintf("%s.quota[%d]", at, i)
		made := quota.Quota{NodePool: q.NodePool, LimitMilli: (*int64)(q.Limit), OverQuotaWeight: q.OverQuotaWeight}
		made.From, made.To = d.instants(at, q.From, q.To, loc)
		if q.Deserved != nil {
			made.DeservedMilli = int64(*q.Deserved)
		} else {
			d.fail(at+".deserved", "is required: write 0 for a project that may only use what others leave")
		}
		p.Quotas = append(p.Quotas, made)
	}
	return p
}
