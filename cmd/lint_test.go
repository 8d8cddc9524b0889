package cmd_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:generate go test . -run ^TestLinterHasARowForEachPackage$ -update

var update = flag.Bool("update", false, "write the imports into .golangci.yml")

// The rows between these lines of .golangci.yml are written by this test.
const (
	rowsBegin = "        # What each package imports of the project: written by \"go test ./cmd -update\".\n"
	rowsEnd   = "        # The end of what is written.\n"
)

func linter(t *testing.T) (path, config string) {
	t.Helper()
	path = filepath.Join("..", ".golangci.yml")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(content)
}

// The linter enforces the same; an owner that is missing there would be
// noticed by nobody who runs the linter alone.
func TestLinterKnowsTheSameOwners(t *testing.T) {
	t.Parallel()
	_, config := linter(t)
	for world, owners := range outside {
		rule := "- pkg: " + world // a dollar after it stands for the exact package
		if !strings.Contains(config, rule+"\n") && !strings.Contains(config, rule+"$\n") {
			t.Errorf(".golangci.yml has no depguard rule for %s", world)
		}
		for _, owner := range owners {
			if want := fmt.Sprintf("\"!**/%s/**\"", owner); !strings.Contains(config, want) {
				t.Errorf(".golangci.yml exempts no %s", owner)
			}
		}
	}
}

// A new arrow between two packages shows in a review as a line of the linter's
// configuration. Whether it points down is for the picture to say.
func TestLinterHasARowForEachPackage(t *testing.T) {
	t.Parallel()
	path, config := linter(t)
	before, rest, begun := strings.Cut(config, rowsBegin)
	have, after, ended := strings.Cut(rest, rowsEnd)
	if !begun || !ended {
		t.Fatalf(".golangci.yml lacks the lines\n%s%s", rowsBegin, rowsEnd)
	}
	want := rows(packages(t))
	if *update {
		if err := os.WriteFile(path, []byte(before+rowsBegin+want+rowsEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf(".golangci.yml is not what the packages import; if that is meant, run \"go test ./cmd -update\" (-want +got):\n%s", d)
	}
}

// rows are depguard's: of the project, a package may import what it imports. They
// share the denial of the first.
func rows(packages []pkg) string {
	var b strings.Builder
	for i, p := range packages {
		allowed := p.projects()
		slices.Sort(allowed)
		for i := range allowed {
			allowed[i] = module + allowed[i] + "$"
		}
		denial := "*project"
		if i == 0 {
			denial = "&project [{pkg: " + strings.TrimSuffix(module, "/") + ", desc: \"a new import: see whether it points down in the picture in README.md\"}]"
		}
		fmt.Fprintf(&b, "        %s:\n          list-mode: lax\n          files: [\"**/%s/*.go\", \"!$test\"]\n          allow: [%s]\n          deny: %s\n",
			strings.ReplaceAll(p.name(), "/", "-"), p.name(), strings.Join(allowed, ", "), denial)
	}
	return b.String()
}
