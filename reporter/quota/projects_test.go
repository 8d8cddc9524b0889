package quota_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
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
		quota.Project{Name: "everyone", Department: "it", Namespaces: quota.Always("*")},
		quota.Project{Name: "vision", Department: "research", Namespaces: quota.Always("vision-*", "cv")},
		quota.Project{Name: "vision-eu", Namespaces: quota.Always("vision-*"), Clusters: []string{"eu-*"}},
		quota.Project{Name: "prod", Namespaces: quota.Always("vision-prod")},
	)
	for sentence, c := range map[string]struct{ cluster, namespace, project, department string }{
		"an exact name beats every pattern":             {"us-1", "vision-prod", "prod", ""},
		"an exact name beats a pattern for the cluster": {"eu-1", "vision-prod", "prod", ""},
		"a pattern beats the one for everything":        {"us-1", "vision-dev", "vision", "research"},
		"among equals the cluster decides":              {"eu-1", "vision-dev", "vision-eu", ""},
		"what is nobody's is everyone's":                {"us-1", "nlp", "everyone", "it"},
	} {
		if project, department := p.Of(c.cluster, c.namespace, day(1)); project != c.project || department != c.department {
			t.Errorf("%s: got %q, %q", sentence, project, department)
		}
	}
	only := projects(t, nil, quota.Project{Name: "a", Namespaces: quota.Always("a"), Clusters: []string{"x"}})
	if project, department := only.Of("y", "a", day(1)); project != "" || department != "" {
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
		"an empty namespace":                 {[]quota.Project{{Name: "a", Namespaces: quota.Always("x", "")}}, 0, "namespaces[1]"},
		"an empty cluster":                   {[]quota.Project{{Name: "a", Clusters: []string{""}}}, 0, "clusters[0]"},
		"one namespace for two":              {[]quota.Project{{Name: "a", Namespaces: quota.Always("x")}, {Name: "b", Namespaces: quota.Always("y", "x")}}, 1, "namespaces[1]"},
		"patterns that tie":                  {[]quota.Project{{Name: "a", Namespaces: quota.Always("x*")}, {Name: "b", Namespaces: quota.Always("*y")}}, 1, "namespaces[0]"},
		"an unknown node pool":               {with(quota.Quota{NodePool: "h100"}), 0, "quotas[0].node_pool"},
		"a negative deserved":                {with(quota.Quota{DeservedMilli: -1}), 0, "quotas[0].deserved"},
		"more GPUs than there are":           {with(quota.Quota{DeservedMilli: math.MaxInt64}), 0, "quotas[0].deserved"},
		"a limit below the deserved":         {with(quota.Quota{DeservedMilli: 2, LimitMilli: milli(1)}), 0, "quotas[0].limit"},
		"a thousandth beyond the most GPUs":  {with(quota.Quota{DeservedMilli: quota.MaxMilli + 1}), 0, "quotas[0].deserved"},
		"a negative limit":                   {with(quota.Quota{LimitMilli: milli(-1)}), 0, "quotas[0].limit"},
		"a weight without end":               {with(quota.Quota{OverQuotaWeight: math.Inf(1)}), 0, "quotas[0].over_quota_weight"},
		"an end finer than what is metered":  {with(quota.Quota{To: day(1).Add(1)}), 0, "quotas[0].to"},
		"a name that is no text":             {[]quota.Project{{Name: "a\xff"}}, 0, "name"},
		"a department with a line feed":      {[]quota.Project{{Name: "p", Department: "a\nb"}}, 0, "department"},
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

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	milli := func(n int64) *int64 { return &n }
	pools := []quota.NodePool{{Name: "a100"}, {Name: "h100"}}
	for sentence, quotas := range map[string][]quota.Quota{
		"the highest quota":                       {{DeservedMilli: quota.MaxMilli}},
		"a limit that is the deserved":            {{DeservedMilli: 1000, LimitMilli: milli(1000)}},
		"a limit of nothing":                      {{LimitMilli: milli(0)}},
		"a weight of nothing":                     {{OverQuotaWeight: 0}},
		"a range of a millisecond":                {{From: day(1), To: day(1).Add(time.Millisecond)}},
		"quotas that touch":                       {{To: day(2)}, {From: day(2)}},
		"quotas that touch, the later one first":  {{From: day(2)}, {To: day(2)}},
		"two pools at once":                       {{NodePool: "a100"}, {NodePool: "h100"}},
		"one for all, and then one for each pool": {{To: day(2)}, {NodePool: "a100", From: day(2)}, {NodePool: "h100", From: day(2)}},
		"one for a pool, and then one for all":    {{NodePool: "a100", From: day(2)}, {To: day(2)}},
	} {
		if _, err := quota.New(pools, []quota.Project{{Name: "p", Quotas: quotas}}); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	for sentence, list := range map[string][]quota.Project{
		"a name with a space inside":               {{Name: "a b"}},
		"a name with a sign inside":                {{Name: "a-b"}},
		"a name of any letters":                    {{Name: "forschung-ü"}},
		"one namespace twice in one project":       {{Name: "a", Namespaces: quota.Always("x", "x")}},
		"one namespace in clusters that differ":    {{Name: "a", Namespaces: quota.Always("x"), Clusters: []string{"eu"}}, {Name: "b", Namespaces: quota.Always("x"), Clusters: []string{"us"}}},
		"patterns that share no name":              {{Name: "a", Namespaces: quota.Always("x*")}, {Name: "b", Namespaces: quota.Always("y*")}},
		"patterns that meet, one more specific":    {{Name: "a", Namespaces: quota.Always("x*")}, {Name: "b", Namespaces: quota.Always("x*y")}},
		"one namespace, one cluster more specific": {{Name: "a", Namespaces: quota.Always("x")}, {Name: "b", Namespaces: quota.Always("x"), Clusters: []string{"eu"}}},
	} {
		if _, err := quota.New(nil, list); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestProblemsSayWhatToChange(t *testing.T) {
	t.Parallel()
	pools := []quota.NodePool{{Name: "a", Nodes: []string{"gpu-*"}}, {Name: "b", Nodes: []string{"*-gpu"}}}
	one := func(p quota.Project) []quota.Project { return []quota.Project{p} }
	with := func(quotas ...quota.Quota) []quota.Project {
		return []quota.Project{{Name: "p", Quotas: quotas}}
	}
	for sentence, c := range map[string]struct {
		pools    []quota.NodePool
		projects []quota.Project
		want     string
	}{
		"too many GPUs": {
			nil, with(quota.Quota{DeservedMilli: quota.MaxMilli + 1}),
			`projects[0].quotas[0].deserved: must be between 0 and 1000000000 GPUs`,
		},
		"a weight that is no number, and only that": {
			nil, with(quota.Quota{OverQuotaWeight: math.NaN()}),
			`projects[0].quotas[0].over_quota_weight: must be a number from 0 up`,
		},
		"quotas at one time": {
			nil, with(quota.Quota{}, quota.Quota{From: day(2)}),
			`projects[0].quotas[1].from: is valid at the same time as quotas[0] of the same node pool`,
		},
		"a quota for all pools and one for a pool": {
			pools[:1], with(quota.Quota{NodePool: "a"}, quota.Quota{}),
			`projects[0].quotas[1].node_pool: one quota for all pools and quotas[0] for one pool are valid at the same time; use one form`,
		},
		"a missing name":               {nil, one(quota.Project{}), `projects[0].name: is missing`},
		"a name that can't be printed": {nil, one(quota.Project{Name: "a\tb"}), `projects[0].name: "a\tb" has characters that can't be printed`},
		"a space in front":             {nil, one(quota.Project{Name: " a"}), `projects[0].name: " a" begins or ends with a space`},
		"a name that begins a formula": {nil, one(quota.Project{Name: "+a"}), `projects[0].name: "+a" must not begin with +`},
		"a namespace of two projects": {
			nil,
			[]quota.Project{{Name: "a", Namespaces: quota.Always("y", "x")}, {Name: "b", Namespaces: quota.Always("x")}},
			`projects[1].namespaces[0]: "x" matches the same namespaces as "x" of projects[0] and is no more specific`,
		},
		"a node of two pools": {
			pools, nil, `node_pools[1].nodes: matches the same GPUs as node_pools[0] and is no more specific`,
		},
		"one name for two pools": {
			[]quota.NodePool{{Name: "a"}, {Name: "b"}, {Name: "a"}}, nil, `node_pools[2].name: "a" is the name of node_pools[0] too`,
		},
		"empty patterns of a pool": {
			[]quota.NodePool{{Name: "a", Nodes: []string{"x", ""}, Models: []string{""}}},
			nil,
			"node_pools[0].nodes[1]: is empty; write \"*\" for all\nnode_pools[0].models[0]: is empty; write \"*\" for all",
		},
		"a date that no file can hold": {
			nil, with(quota.Quota{From: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}),
			`hash projects: json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]`,
		},
	} {
		if _, err := quota.New(c.pools, c.projects); err == nil || err.Error() != c.want {
			t.Errorf("%s: got\n%v\nwant\n%s", sentence, err, c.want)
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

func TestAtIsHalfOpen(t *testing.T) {
	t.Parallel()
	p := projects(t, nil, quota.Project{Name: "p", Department: "d", Quotas: []quota.Quota{{DeservedMilli: 7, From: day(2), To: day(3)}}})
	for at, want := range map[time.Time]int{
		day(2).Add(-time.Millisecond): 0,
		day(2):                        1,
		day(3).Add(-time.Millisecond): 1,
		day(3):                        0,
	} {
		got := p.At(at)
		if len(got) != want {
			t.Errorf("%s: got %v, want %d quotas", at, got, want)
		}
		for _, g := range got {
			if g.Project != "p" || g.Department != "d" || g.DeservedMilli != 7 {
				t.Errorf("%s: got %+v", at, g)
			}
		}
	}
}

func TestWhatAFileHas(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		pools         []quota.NodePool
		projects      []quota.Project
		rules, quotas bool
	}{
		"nothing": {nil, nil, false, false},
		"a pool that is only named, and no quotas": {[]quota.NodePool{{Name: "a"}}, []quota.Project{{Name: "p"}}, false, false},
		"a rule, and a quota of one project of two": {
			[]quota.NodePool{{Name: "a"}, {Name: "b", Models: []string{"x"}}},
			[]quota.Project{{Name: "o"}, {Name: "p", Quotas: []quota.Quota{{}}}},
			true, true,
		},
	} {
		p := projects(t, c.pools, c.projects...)
		if p.HasNodePools() != c.rules || p.HasQuotas() != c.quotas {
			t.Errorf("%s: node pools %t, quotas %t", sentence, p.HasNodePools(), p.HasQuotas())
		}
	}
	p := projects(t, nil, quota.Project{Name: "p", Department: "d"})
	if p.Department("p") != "d" || p.Department("q") != "" {
		t.Errorf("departments %q and %q", p.Department("p"), p.Department("q"))
	}
}

func TestRevisionOfNodePools(t *testing.T) {
	t.Parallel()
	a := quota.NodePool{Name: "a", Nodes: []string{"x", "y"}, Models: []string{"m"}}
	b := quota.NodePool{Name: "b", Nodes: []string{"z"}}
	p := quota.Project{Name: "p"}
	base := projects(t, []quota.NodePool{a, b}, p).Revision()
	turned := a
	turned.Nodes = []string{"y", "x"}
	if got := projects(t, []quota.NodePool{b, turned}, p).Revision(); got != base {
		t.Error("order changes the revision")
	}
	other := a
	other.Models = []string{"n"}
	for what, pools := range map[string][]quota.NodePool{"model": {other, b}, "number": {a}, "pool": nil} {
		if got := projects(t, pools, p).Revision(); got == base {
			t.Errorf("another %s of node pools has the same revision", what)
		}
	}
}

// Reports keep the revision of the file that they were made with, so a release
// that hashes the same file in another way would make all of them outdated.
func TestRevisionIsTheHashOfTheSortedLines(t *testing.T) {
	t.Parallel()
	limit := int64(2000)
	p := projects(t,
		[]quota.NodePool{{Name: "h", Nodes: []string{"gpu-2", "gpu-1"}}},
		quota.Project{Name: "b", Namespaces: []quota.Namespace{{Pattern: "y", To: day(2)}, {Pattern: "x"}}, Clusters: []string{"us", "eu"}},
		quota.Project{Name: "a", Department: "d", Namespaces: quota.Always("z"), Quotas: []quota.Quota{
			{NodePool: "h", DeservedMilli: 1500, From: day(2)},
			{NodePool: "h", DeservedMilli: 1000, LimitMilli: &limit, OverQuotaWeight: 0.5, To: day(2)},
		}})
	lines := []string{
		`{"Name":"a","Department":"d","Namespaces":["z"],"Clusters":null,"Quotas":[` +
			`{"NodePool":"h","DeservedMilli":1000,"LimitMilli":2000,"OverQuotaWeight":0.5,"From":"0001-01-01T00:00:00Z","To":"2026-11-02T00:00:00Z"},` +
			`{"NodePool":"h","DeservedMilli":1500,"LimitMilli":null,"OverQuotaWeight":0,"From":"2026-11-02T00:00:00Z","To":"0001-01-01T00:00:00Z"}]}`,
		`{"Name":"b","Department":"","Namespaces":["x",{"Pattern":"y","From":"0001-01-01T00:00:00Z","To":"2026-11-02T00:00:00Z"}],"Clusters":["eu","us"],"Quotas":null}`,
		`{"Name":"h","Nodes":["gpu-1","gpu-2"],"Models":null}`,
	}
	text := strings.Join(lines, "\n")
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(text))); p.Revision() != want {
		t.Errorf("got %s, want the hash of\n%s", p.Revision(), text)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	a := quota.Project{Name: "a", Namespaces: quota.Always("x", "y"), Quotas: []quota.Quota{{DeservedMilli: 1, From: day(1)}}}
	b := quota.Project{Name: "b"}
	base := projects(t, nil, a, b).Revision()
	same := a
	same.Namespaces = quota.Always("y", "x")
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
