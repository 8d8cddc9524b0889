package glob_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/glob"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		pattern, name string
		want          bool
	}{
		"the empty pattern matches everything":        {"", "NVIDIA A100", true},
		"the empty pattern matches the empty name":    {"", "", true},
		"a star matches everything":                   {"*", "x", true},
		"a name matches itself":                       {"team-a", "team-a", true},
		"a name matches nothing longer":               {"team-a", "team-ab", false},
		"a star inside matches any run":               {"NVIDIA*80GB", "NVIDIA H100 80GB", true},
		"a star tries again after a false start":      {"*ab", "aab", true},
		"two stars share a name out":                  {"*a*b", "xaybzb", true},
		"a question mark is exactly one character":    {"a?c", "abc", true},
		"a question mark is not none":                 {"a?c", "ac", false},
		"a question mark takes a whole rune":          {"a?c", "aéc", true},
		"a slash is a character like any other":       {"a*d", "a/b/d", true},
		"brackets stand for themselves":               {"a[b]", "a[b]", true},
		"a pattern matches the whole name, not in it": {"b*", "abc", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			if got := glob.Compile(c.pattern).Match(c.name); got != c.want {
				t.Errorf("%q matches %q: %v, want %v", c.pattern, c.name, got, c.want)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	ordered := []string{"*", "?", "a*", "ab*", "*abc*", "abcde"}
	for i, p := range ordered {
		for j, q := range ordered {
			got := glob.Compare(glob.Compile(p), glob.Compile(q))
			if (got > 0) != (i > j) || (got < 0) != (i < j) {
				t.Errorf("Compare(%q, %q) = %d", p, q, got)
			}
		}
	}
}

func pattern() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 7, -1)
}

func TestMatchesAsARegularExpressionWould(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := pattern().Draw(t, "pattern")
		name := rapid.StringOfN(rapid.SampledFrom([]rune("abé")), 0, 8, -1).Draw(t, "name")
		expr := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(p))
		if p == "" {
			expr = ".*"
		}
		if want := regexp.MustCompile("^(?:" + expr + ")$").MatchString(name); glob.Compile(p).Match(name) != want {
			t.Fatalf("%q matches %q: want %v", p, name, want)
		}
	})
}

// All names up to a length decide whether two short patterns overlap.
func TestOverlapIsWhatSomeNameProves(t *testing.T) {
	t.Parallel()
	names := []string{""}
	for i := 0; len(names[i]) < 8; i++ {
		names = append(names, names[i]+"a", names[i]+"b")
	}
	rapid.Check(t, func(t *rapid.T) {
		a := glob.Compile(rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 4, -1).Draw(t, "a"))
		b := glob.Compile(rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 4, -1).Draw(t, "b"))
		want := false
		for _, name := range names {
			want = want || (a.Match(name) && b.Match(name))
		}
		if got := glob.Overlap(a, b); got != want {
			t.Fatalf("%q and %q overlap: %v, want %v", a, b, got, want)
		}
	})
}
