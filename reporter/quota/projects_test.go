package quota_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/quota"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

func projects(t *testing.T, pools []quota.NodePool, list ...quota.Project) *quota.Projects {
	t.Helper()
	p, err := quota.New(pools, list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOf(t *testing.T) {
	t.Parallel()
	p := projects(t, nil,
		quota.Project{Name: "everyone", Department: "it", Namespaces: []string{"*"}},
		quota.Project{Name: "vision", Department: "research", Namespaces: []string{"vision-*", "cv"}},
		quota.Project{Name: "vision-eu", Namespaces: []string{"vision-*"}, Clusters: []string{"eu-*"}},
		quota.Project{Name: "prod", Namespaces: []string{"vision-prod"}},
	)
	for sentence, c := range map[string]struct{ cluster, namespace, project, department string }{
		"an exact name beats every pattern":             {"us-1", "vision-prod", "prod", ""},
		"an exact name beats a pattern for the cluster": {"eu-1", "vision-prod", "prod", ""},
		"a pattern beats the one for everything":        {"us-1", "vision-dev", "vision", "research"},
		"among equals the cluster decides":              {"eu-1", "vision-dev", "vision-eu", ""},
		"what is nobody's is everyone's":                {"us-1", "nlp", "everyone", "it"},
	} {
		if project, department := p.Of(c.cluster, c.namespace); project != c.project || department != c.department {
			t.Errorf("%s: got %q, %q", sentence, project, department)
		}
	}
	only := projects(t, nil, quota.Project{Name: "a", Namespaces: []string{"a"}, Clusters: []string{"x"}})
	if project, department := only.Of("y", "a"); project != "" || department != "" {
		t.Errorf("a namespace in another cluster: got %q, %q", project, department)
	}
}

func TestPool(t *testing.T) {
	t.Parallel()
	p := projects(t, []quota.NodePool{
		{Name: "rest", Nodes: []string{"*"}},
		{Name: "hopper", Models: []string{"*H100*", "*H200*"}},
		{Name: "lab", Nodes: []string{"lab-?"}},
	})
	for _, c := range [][3]string{
		{"node-1", "NVIDIA H200", "hopper"}, {"lab-1", "NVIDIA H200", "lab"}, {"node-1", "T4", "rest"},
	} {
		if got := p.Pool(c[0], c[1]); got != c[2] {
			t.Errorf("%s on %s is in %q, want %q", c[1], c[0], got, c[2])
		}
	}
	for sentence, pools := range map[string][]quota.NodePool{
		"without pools": nil, "a pool that is only named": {{Name: "labelled"}},
	} {
		if got := projects(t, pools).Pool("node-1", "T4"); got != "" {
			t.Errorf("%s: %q", sentence, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	milli := func(n int64) *int64 { return &n }
	pools := []quota.NodePool{{Name: "a100", Models: []string{"*A100*"}}}
	with := func(quotas ...quota.Quota) []quota.Project { return []quota.Project{{Name: "p", Quotas: quotas}} }
	for sentence, c := range map[string]struct {
		projects []quota.Project
		index    int
		field    string
	}{
		"a project without a name":           {[]quota.Project{{}}, 0, "name"},
		"a name that looks like none":        {[]quota.Project{{Name: "(none)"}}, 0, "name"},
		"a name that looks like a formula":   {[]quota.Project{{Name: "=1+1"}}, 0, "name"},
		"a department like a formula":        {[]quota.Project{{Name: "p", Department: "@x"}}, 0, "department"},
		"a name with a line feed":            {[]quota.Project{{Name: "a\nb"}}, 0, "name"},
		"a name with a space at its end":     {[]quota.Project{{Name: "a "}}, 0, "name"},
		"one name twice":                     {[]quota.Project{{Name: "a"}, {Name: "a"}}, 1, "name"},
		"an empty namespace":                 {[]quota.Project{{Name: "a", Namespaces: []string{"x", ""}}}, 0, "namespaces[1]"},
		"an empty cluster":                   {[]quota.Project{{Name: "a", Clusters: []string{""}}}, 0, "clusters[0]"},
		"one namespace for two":              {[]quota.Project{{Name: "a", Namespaces: []string{"x"}}, {Name: "b", Namespaces: []string{"y", "x"}}}, 1, "namespaces[1]"},
		"patterns that tie":                  {[]quota.Project{{Name: "a", Namespaces: []string{"x*"}}, {Name: "b", Namespaces: []string{"*y"}}}, 1, "namespaces[0]"},
		"an unknown node pool":               {with(quota.Quota{NodePool: "h100"}), 0, "quotas[0].node_pool"},
		"a negative deserved":                {with(quota.Quota{DeservedMilli: -1}), 0, "quotas[0].deserved"},
		"more GPUs than there are":           {with(quota.Quota{DeservedMilli: math.MaxInt64}), 0, "quotas[0].deserved"},
		"a limit below the deserved":         {with(quota.Quota{DeservedMilli: 2, LimitMilli: milli(1)}), 0, "quotas[0].limit"},
		"a negative weight":                  {with(quota.Quota{OverQuotaWeight: -1}), 0, "quotas[0].over_quota_weight"},
		"a weight that is no number":         {with(quota.Quota{OverQuotaWeight: math.NaN()}), 0, "quotas[0].over_quota_weight"},
		"an empty range":                     {with(quota.Quota{From: day(2), To: day(2)}), 0, "quotas[0].from"},
		"two quotas at once":                 {with(quota.Quota{To: day(3)}, quota.Quota{From: day(2)}), 0, "quotas[1].from"},
		"one for all beside one for a pool":  {with(quota.Quota{}, quota.Quota{NodePool: "a100"}), 0, "quotas[1].node_pool"},
		"a range finer than what is metered": {with(quota.Quota{From: day(1).Add(1)}), 0, "quotas[0].from"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := quota.New(pools, c.projects)
			var projectErr *quota.ProjectError
			if !errors.As(err, &projectErr) || projectErr.Index != c.index || projectErr.Field != c.field {
				t.Errorf("got %v, want a *ProjectError for projects[%d].%s", err, c.index, c.field)
			}
		})
	}
}

func TestNewRefusesPools(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		pools []quota.NodePool
		index int
		field string
	}{
		"a pool without a name":      {[]quota.NodePool{{Nodes: []string{"*"}}}, 0, "name"},
		"one name twice":             {[]quota.NodePool{{Name: "a", Nodes: []string{"x"}}, {Name: "a", Nodes: []string{"y"}}}, 1, "name"},
		"an empty pattern":           {[]quota.NodePool{{Name: "a", Models: []string{""}}}, 0, "models[0]"},
		"two pools for the same GPU": {[]quota.NodePool{{Name: "a", Nodes: []string{"x*"}}, {Name: "b", Nodes: []string{"*x"}}}, 1, "nodes"},
	} {
		_, err := quota.New(c.pools, nil)
		var poolErr *quota.PoolError
		if !errors.As(err, &poolErr) || poolErr.Index != c.index || poolErr.Field != c.field {
			t.Errorf("%s: got %v, want a *PoolError for node_pools[%d].%s", sentence, err, c.index, c.field)
		}
	}
}

func TestNewNamesAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := quota.New([]quota.NodePool{{}}, []quota.Project{{Name: "a", Quotas: []quota.Quota{{NodePool: "x", DeservedMilli: -1}}}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three problems", err)
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	p := projects(t, []quota.NodePool{{Name: "x", Nodes: []string{"x"}}, {Name: "y", Nodes: []string{"y"}}},
		quota.Project{Name: "b", Department: "d", Quotas: []quota.Quota{{NodePool: "y", DeservedMilli: 1}, {NodePool: "x", DeservedMilli: 2}}},
		quota.Project{Name: "a", Quotas: []quota.Quota{{DeservedMilli: 3, To: day(2)}, {DeservedMilli: 4, From: day(2)}}})
	var got []int64
	for _, g := range p.At(day(2)) {
		got = append(got, g.DeservedMilli)
	}
	if len(got) != 3 || got[0] != 4 || got[1] != 2 || got[2] != 1 {
		t.Errorf("got %v, want 4 of a, then 2 and 1 of b", got)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	a := quota.Project{Name: "a", Namespaces: []string{"x", "y"}, Quotas: []quota.Quota{{DeservedMilli: 1, From: day(1)}}}
	b := quota.Project{Name: "b"}
	base := projects(t, nil, a, b).Revision()
	same := a
	same.Namespaces = []string{"y", "x"}
	same.Quotas = []quota.Quota{{DeservedMilli: 1, From: day(1).In(time.FixedZone("", 3600))}}
	if got := projects(t, nil, b, same).Revision(); got != base {
		t.Error("order and time zone change the revision")
	}
	other := a
	other.Quotas = []quota.Quota{{DeservedMilli: 2, From: day(1)}}
	if got := projects(t, nil, other, b).Revision(); got == base {
		t.Error("another quota has the same revision")
	}
}
