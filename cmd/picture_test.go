package cmd_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A picture is the block of the README that shows the packages in rows, from the
// mains down to the domain.
type picture struct {
	rows map[string]int // the row of each package
	text []string       // of each row
}

// drawn reads the picture: the block behind the heading "Where things live". A row
// names packages, separated by commas; a name without a slash lies in the same
// folder as the first. Behind two spaces it says what they are. Empty lines are
// for the eye.
func drawn(t *testing.T) picture {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## Where things live\n")
	_, block, _ := strings.Cut(section, "\n```\n")
	block, _, closed := strings.Cut(block, "\n```\n")
	if !closed {
		t.Fatal("README.md has no block behind the heading \"Where things live\"")
	}
	p := picture{rows: map[string]int{}}
	for line := range strings.SplitSeq(block, "\n") {
		names, what, _ := strings.Cut(line, "  ")
		if names == "" {
			continue
		}
		if strings.TrimSpace(what) == "" {
			t.Errorf("README.md, %q: the row does not say what the packages are", line)
		}
		first, _, _ := strings.Cut(names, ",")
		for name := range strings.SplitSeq(names, ", ") {
			if !strings.Contains(name, "/") {
				name = path.Join(path.Dir(first), name)
			}
			if at, twice := p.rows[name]; twice {
				t.Errorf("README.md has %s in two rows: %q and %q", name, p.text[at], line)
			}
			p.rows[name] = len(p.text)
		}
		p.text = append(p.text, line)
	}
	return p
}

func TestThePictureHasEachPackageOnce(t *testing.T) {
	t.Parallel()
	p := drawn(t)
	found := map[string]bool{}
	for _, pkg := range packages(t) {
		found[pkg.name()] = true
		if _, ok := p.rows[pkg.name()]; !ok {
			t.Errorf("the picture in README.md lacks %s: add a row for it, above all that it imports", pkg.name())
		}
	}
	for name := range p.rows {
		if !found[name] {
			t.Errorf("the picture in README.md has %s, which is no package", name)
		}
	}
}

func TestImportsPointDownInThePicture(t *testing.T) {
	t.Parallel()
	p := drawn(t)
	for _, pkg := range packages(t) {
		for _, i := range pkg.projects() {
			from, ok := p.rows[pkg.name()]
			to, okTo := p.rows[i]
			if ok && okTo && to <= from {
				t.Errorf("%s imports %s, which is not below it in the picture in README.md:\n\t%s\n\t%s",
					pkg.name(), i, p.text[to], p.text[from])
			}
		}
	}
}
