package cmd_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/gputally/gputally/"

// outside lists the worlds outside and the package (with what lies below it)
// that may import each. The bench's floor and fleet stand for other programs
// that do the least possible, so they speak to the same worlds by themselves.
var outside = map[string][]string{
	"github.com/NVIDIA/go-nvml":                      {"collector/nvml"},
	"k8s.io/kubelet":                                 {"collector/kubelet"},
	"google.golang.org/grpc":                         {"collector/kubelet"},
	"github.com/prometheus/prometheus/prompb":        {"reporter/prom", "cmd/gputally-bench/floor"},
	"github.com/prometheus/prometheus/tsdb/chunkenc": {"reporter/prom", "cmd/gputally-bench/floor"},
	"github.com/prometheus/client_golang/api":        {"reporter/prom"},
	"github.com/prometheus/prometheus/tsdb":          {"internal/simulate/history", "cmd/gputally-bench/fleet"},
	"github.com/jedib0t/go-pretty":                   {"reporter/command"},
	"github.com/aws":                                 {"reporter/bucket/s3"},
	"github.com/robfig/cron":                         {"reporter/schedule"},
	"github.com/parquet-go":                          {"reporter/ledger/sealed"},
}

// domain lists the packages that know no adapter, neither by themselves nor by
// what they import: whoever meters, folds, prices or rolls up must not pull in a
// client of a server.
var domain = []string{
	"collector/attribution", "collector/device", "collector/meter", "collector/metric",
	"reporter/checksum", "reporter/fold", "reporter/glob", "reporter/price", "reporter/quota", "reporter/report", "reporter/rollup",
	"reporter/schedule", "reporter/series", "reporter/source", "reporter/usage", "reporter/window",
}

type pkg struct {
	ImportPath, Name, Dir string
	Imports, Deps         []string // Deps are the imports of imports, too
	GoFiles               []string
}

// name is the path below the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// projects are the imports of the project's own packages, below the module.
func (p pkg) projects() (names []string) {
	for _, i := range p.Imports {
		if name, ours := strings.CutPrefix(i, module); ours {
			names = append(names, name)
		}
	}
	return names
}

// packages lists the project's packages with what they import, tests left out.
func packages(t *testing.T) []pkg {
	t.Helper()
	ps, err := listed()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(ps) < 20 {
		t.Fatalf("go list found %d packages only", len(ps))
	}
	return ps
}

// listed asks the go command once for all tests.
var listed = sync.OnceValues(func() (ps []pkg, err error) {
	out, err := exec.Command("go", "list", "-tags", "real", "-json=ImportPath,Name,Dir,Imports,Deps,GoFiles", module+"...").Output()
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		ps = append(ps, p)
		// go test keeps a result as long as what the test looked at stays the same,
		// so it looks at the folders of the packages, and above for new ones.
		for _, dir := range []string{p.Dir, filepath.Dir(p.Dir)} {
			if _, err := os.ReadDir(dir); err != nil {
				return nil, err
			}
		}
	}
	return ps, nil
})

// below is true if path is prefix or lies below it.
func below(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func TestEachOutsideWorldHasOneImporter(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			owners := ownersOf(i)
			if owners != nil && !slices.ContainsFunc(owners, func(owner string) bool { return below(p.name(), owner) }) {
				t.Errorf("%s imports %s, which belongs to %s", p.name(), i, strings.Join(owners, " and "))
			}
		}
	}
}

// ownersOf finds the owners by the longest prefix.
func ownersOf(path string) (owners []string) {
	longest := 0
	for world, o := range outside {
		if strings.HasPrefix(path, world) && len(world) > longest {
			owners, longest = o, len(world)
		}
	}
	return owners
}

func TestTheDomainKnowsNoAdapter(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, p := range packages(t) {
		if !slices.Contains(domain, p.name()) {
			continue
		}
		checked++
		for _, dep := range p.Deps {
			owners := ownersOf(dep)
			if dep == "net/http" || owners != nil && !slices.Contains(owners, p.name()) {
				t.Errorf("%s, or something that it imports, imports %s", p.name(), dep)
			}
		}
	}
	if checked != len(domain) {
		t.Errorf("%d of the %d packages of the domain are there", checked, len(domain))
	}
}

// What a Kubernetes node does and what the books say share names of metrics only.
func TestTheHalvesMeetInTheNamesOfMetrics(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, i := range p.projects() {
			switch {
			case below(p.name(), "collector") && below(i, "reporter"),
				below(p.name(), "reporter") && below(i, "collector") && i != "collector/metric":
				t.Errorf("%s imports %s: the halves share collector/metric only", p.name(), i)
			}
		}
	}
}

// What tests, the demo and the benchmarks stand on is in no product. Their HTTP
// servers share one package.
func TestProductsImportNothingElseInternal(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, i := range p.projects() {
			if below(i, "internal") && i != "internal/webserver" && !below(p.name(), "internal") && !below(p.name(), "cmd") {
				t.Errorf("%s imports %s", p.name(), i)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.Name == "main" || len(p.GoFiles) == 0 {
			continue
		}
		doc, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil || !strings.HasPrefix(string(doc), "// Package "+p.Name+" ") {
			t.Errorf("%s has no doc.go that begins with \"// Package %s\": %v", p.name(), p.Name, err)
		}
	}
}
