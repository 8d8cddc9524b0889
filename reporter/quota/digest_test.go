package quota_test

import (
	"slices"
	"testing"

	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/window"
)

func TestDigests(t *testing.T) {
	t.Parallel()
	w := window.Window{From: day(10), To: day(20)}
	pools := []quota.NodePool{{Name: "a100"}, {Name: "h100"}}
	list := func() []quota.Project {
		return []quota.Project{
			{Name: "vision", Department: "research", Namespaces: quota.Always("vision-*", "eyes"), Quotas: []quota.Quota{{DeservedMilli: 4000}}},
			{Name: "speech", Namespaces: quota.Always("speech"), Clusters: []string{"eu-*"}, Quotas: []quota.Quota{{NodePool: "a100", DeservedMilli: 2000, From: day(5)}}},
			{Name: "search", Namespaces: quota.Always("search"), Clusters: []string{"us-*"}},
		}
	}
	for sentence, c := range map[string]struct {
		change         func([]quota.Project) []quota.Project
		quotas, owners bool // stay the same
	}{
		"the same file": {func(p []quota.Project) []quota.Project { return p }, true, true},
		"another order": {func(p []quota.Project) []quota.Project { slices.Reverse(p); return p }, true, true},
		"another quota": {func(p []quota.Project) []quota.Project { p[0].Quotas[0].DeservedMilli = 1; return p }, false, true},
		"a quota of another time": {func(p []quota.Project) []quota.Project {
			p[1].Quotas = append(p[1].Quotas, quota.Quota{NodePool: "h100", DeservedMilli: 1, From: day(20)})
			return p
		}, true, true},
		"a quota that ends when the window does": {func(p []quota.Project) []quota.Project { p[1].Quotas[0].To = day(20); return p }, true, true},
		"a quota that ends in the window":        {func(p []quota.Project) []quota.Project { p[1].Quotas[0].To = day(19); return p }, false, true},
		"another department":                     {func(p []quota.Project) []quota.Project { p[0].Department = "ops"; return p }, false, false},
		"another namespace":                      {func(p []quota.Project) []quota.Project { p[1].Namespaces = quota.Always("speech", "ears"); return p }, true, false},
		"a namespace of another cluster":         {func(p []quota.Project) []quota.Project { p[2].Namespaces = quota.Always("search", "find"); return p }, true, true},
		"a namespace from a later time": {func(p []quota.Project) []quota.Project {
			p[1].Namespaces = append(p[1].Namespaces, quota.Namespace{Pattern: "ears", From: day(20)})
			return p
		}, true, true},
		"a project without quotas": {func(p []quota.Project) []quota.Project {
			return append(p, quota.Project{Name: "new", Namespaces: quota.Always("new")})
		}, true, false},
	} {
		before, after := projects(t, pools, list()...), projects(t, pools, c.change(list())...)
		if got := before.QuotasDigest(w) == after.QuotasDigest(w); got != c.quotas {
			t.Errorf("%s: the same quotas: %v", sentence, got)
		}
		clusters := []string{"eu-1"}
		if got := before.OwnersDigest(w, clusters) == after.OwnersDigest(w, clusters); got != c.owners {
			t.Errorf("%s: the same owners: %v", sentence, got)
		}
	}
	none := projects(t, nil)
	if none.QuotasDigest(w) != "" || none.OwnersDigest(w, []string{"eu-1"}) != "" {
		t.Error("a file that says nothing has digests")
	}
}
