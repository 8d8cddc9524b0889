package quota_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/quota"
)

// during makes a namespace a project's from one day of the month to another, 0
// for an open side.
func during(pattern string, from, to int) quota.Namespace {
	n := quota.Namespace{Pattern: pattern}
	if from > 0 {
		n.From = day(from)
	}
	if to > 0 {
		n.To = day(to)
	}
	return n
}

func TestNamespacesMoveBetweenProjects(t *testing.T) {
	t.Parallel()
	p := projects(t, nil,
		quota.Project{Name: "a", Department: "d", Namespaces: []quota.Namespace{during("x", 0, 10), during("y-*", 5, 15)}},
		quota.Project{Name: "b", Namespaces: []quota.Namespace{during("x", 10, 20), during("y-1", 7, 9)}},
		quota.Project{Name: "rest", Namespaces: quota.Always("*")},
	)
	for sentence, c := range map[string]struct {
		namespace string
		at        time.Time
		want      string
	}{
		"the first owner has no beginning":               {"x", day(1), "a"},
		"the last instant before it moves":               {"x", day(10).Add(-time.Millisecond), "a"},
		"the instant at which it moves":                  {"x", day(10), "b"},
		"after its last owner a wider pattern takes it":  {"x", day(20), "rest"},
		"before its first owner a wider pattern has it":  {"y-2", day(5).Add(-1), "rest"},
		"a pattern that has begun":                       {"y-2", day(5), "a"},
		"an exact name that has begun beats the pattern": {"y-1", day(7), "b"},
		"and gives way to it when it ends":               {"y-1", day(9), "a"},
	} {
		if got, _ := p.Of("eu-1", c.namespace, c.at); got != c.want {
			t.Errorf("%s: got %q, want %q", sentence, got, c.want)
		}
	}
	want := []time.Time{day(5), day(7), day(9), day(10), day(15), day(20)}
	if diff := cmp.Diff(want, p.Moves()); diff != "" {
		t.Errorf("moves (-want +got)\n%s", diff)
	}
	if moves := projects(t, nil, quota.Project{Name: "a", Namespaces: quota.Always("x", "*")}).Moves(); len(moves) != 0 {
		t.Errorf("a file without dates has moves: %v", moves)
	}
}

func TestNewRefusesOwners(t *testing.T) {
	t.Parallel()
	fine := quota.Namespace{Pattern: "x", From: day(1).Add(1)}
	for sentence, c := range map[string]struct {
		a, b  []quota.Namespace // of two projects
		index int
		field string
		want  string
	}{
		"two owners for a day":              {[]quota.Namespace{during("x", 0, 10)}, []quota.Namespace{during("x", 9, 0)}, 1, "namespaces[0]", `at the same time as "x", namespaces[0] of projects[0]`},
		"one for a time, one for ever":      {quota.Always("x"), []quota.Namespace{during("y", 1, 0), during("x", 9, 10)}, 1, "namespaces[1]", "let one end where the other begins"},
		"patterns that tie for a day":       {[]quota.Namespace{during("x*", 0, 10)}, []quota.Namespace{during("*y", 9, 0)}, 1, "namespaces[0]", "at the same time"},
		"a day that is nobody's":            {[]quota.Namespace{during("x", 0, 9)}, []quota.Namespace{during("x", 10, 0)}, 0, "namespaces[0].to", `"x" is given to nobody from 2026-11-09T00:00:00Z to 2026-11-10T00:00:00Z, when namespaces[0] of projects[1] begins`},
		"a day between terms of one":        {[]quota.Namespace{during("x-*", 10, 0), during("x-*", 5, 9)}, nil, 0, "namespaces[1].to", "given to nobody"},
		"days until the next of two others": {[]quota.Namespace{during("x", 0, 5), during("x", 10, 0)}, []quota.Namespace{during("x", 7, 10)}, 0, "namespaces[0].to", `from 2026-11-05T00:00:00Z to 2026-11-07T00:00:00Z, when namespaces[0] of projects[1] begins`},
		"for ever and for a time in one":    {[]quota.Namespace{during("x", 0, 0), during("x", 2, 5)}, nil, 0, "namespaces[1]", "at the same time"},
		"a day that is the project's twice": {[]quota.Namespace{during("x", 0, 10), during("x", 9, 0)}, nil, 0, "namespaces[1]", "at the same time"},
		"an empty range":                    {[]quota.Namespace{during("x", 2, 2)}, nil, 0, "namespaces[0].from", "not before"},
		"a range the wrong way round":       {[]quota.Namespace{during("x", 3, 2)}, nil, 0, "namespaces[0].from", "not before"},
		"finer than what is metered":        {[]quota.Namespace{fine}, nil, 0, "namespaces[0].from", "finer"},
		"without a pattern":                 {[]quota.Namespace{during("", 2, 3)}, nil, 0, "namespaces[0]", "empty"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			_, err := quota.New(nil, []quota.Project{{Name: "a", Namespaces: c.a}, {Name: "b", Namespaces: c.b}})
			var problem *quota.ProjectError
			if !errors.As(err, &problem) || problem.Index != c.index || problem.Field != c.field || !strings.Contains(problem.Reason, c.want) {
				t.Errorf("got %v, want a *ProjectError for projects[%d].%s with %q", err, c.index, c.field, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one problem: %v", err)
			}
		})
	}
}

func TestNewTakesOwners(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct{ a, b []quota.Namespace }{
		"one after the other":                 {[]quota.Namespace{during("x", 0, 10)}, []quota.Namespace{during("x", 10, 0)}},
		"back and forth":                      {[]quota.Namespace{during("x", 0, 5), during("x", 7, 0)}, []quota.Namespace{during("x", 5, 7)}},
		"other patterns have their own gaps":  {[]quota.Namespace{during("x", 0, 5)}, []quota.Namespace{during("x-*", 7, 0)}},
		"a wider pattern at the same time":    {[]quota.Namespace{during("x", 0, 5)}, []quota.Namespace{during("*", 4, 0)}},
		"the same for ever twice, as always":  {quota.Always("x", "x"), nil},
		"one within another of its project":   {[]quota.Namespace{during("x*", 0, 9), during("*x", 2, 5)}, nil},
		"a term that begins and ends nowhere": {[]quota.Namespace{during("x", 3, 5)}, nil},
	} {
		if _, err := quota.New(nil, []quota.Project{{Name: "a", Namespaces: c.a}, {Name: "b", Namespaces: c.b}}); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	// In another cluster a namespace of the same name is another one.
	_, err := quota.New(nil, []quota.Project{
		{Name: "a", Clusters: []string{"eu-1"}, Namespaces: []quota.Namespace{during("x", 0, 5)}},
		{Name: "b", Clusters: []string{"us-1"}, Namespaces: []quota.Namespace{during("x", 4, 0)}},
		{Name: "c", Clusters: []string{"ap-1"}, Namespaces: []quota.Namespace{during("x", 6, 0)}},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRevisionKnowsDatesOfOwners(t *testing.T) {
	t.Parallel()
	of := func(list ...quota.Namespace) string {
		return projects(t, nil, quota.Project{Name: "a", Namespaces: list}).Revision()
	}
	base := of(during("x", 1, 5), during("y", 0, 0))
	zone := time.FixedZone("", 3600)
	if got := of(during("y", 0, 0), quota.Namespace{Pattern: "x", From: day(1).In(zone), To: day(5).In(zone)}); got != base {
		t.Error("order and time zone change the revision")
	}
	for _, other := range []string{of(during("x", 1, 6), during("y", 0, 0)), of(during("x", 2, 5), during("y", 0, 0)), of(quota.Always("x", "y")...)} {
		if other == base {
			t.Error("other dates have the same revision")
		}
	}
	// As it was before owners had dates.
	const undated = "1089d9d7445d2c14c024b696397430570074136ea2cbc8432741afb415f00f8c"
	if got := of(quota.Always("x", "y")...); got != undated {
		t.Errorf("a file without dates has the revision %s", got)
	}
}

// Whoever passes namespaces on, at each instant each has the owner whose term it is.
func TestAtEachInstantTheTermDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"a", "b", "c"}
		list := []quota.Project{{Name: "a"}, {Name: "b"}, {Name: "c"}}
		cuts := rapid.SliceOfNDistinct(rapid.IntRange(2, 28), 0, 5, rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		bounds := append(append([]int{0}, cuts...), 0)
		owners := make([]int, len(bounds)-1)
		for i := range owners {
			owners[i] = rapid.IntRange(0, 2).Draw(rt, "owner")
			p := &list[owners[i]]
			p.Namespaces = append(p.Namespaces, during("x", bounds[i], bounds[i+1]))
		}
		p, err := quota.New(nil, list)
		if err != nil {
			rt.Fatal(err)
		}
		at := rapid.IntRange(1, 29).Draw(rt, "at")
		i, found := slices.BinarySearch(cuts, at)
		if found {
			i++
		}
		if got, _ := p.Of("eu-1", "x", day(at)); got != names[owners[i]] {
			rt.Fatalf("on day %d of %v: got %q, want %q", at, bounds, got, names[owners[i]])
		}
	})
}
