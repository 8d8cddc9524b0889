package cmd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	"github.com/aws":                                 {"reporter/bucket/s3"},
	"github.com/robfig/cron":                         {"reporter/schedule"},
	"github.com/parquet-go":                          {"reporter/ledger/sealed"},
}

// directions says what the packages below a path may import of the project,
// most specific path first. What is not listed may import anything but cmd.
var directions = []struct {
	path    string
	allowed []string
}{
	{"collector/metric", nil},
	{"collector/device", nil},
	{"collector/nvml", []string{"collector/device", "collector/nvml"}},
	{"collector/kubelet", []string{"collector/device", "collector/kubelet"}},
	{"collector/attribution", []string{"collector/device"}},
	{"collector/bounds", []string{"collector/device"}},
	{"collector/cdi", []string{"collector/device"}},
	{"collector/cgroup", []string{"collector/device"}},
	{"collector/meter", []string{"collector/device", "collector/attribution", "collector/bounds"}},
	{"collector/exporter", []string{"collector/metric", "collector/device", "collector/meter"}},
	{"internal/simulate/trace", []string{"collector/device", "internal/simulate"}},
	{"internal/simulate/history", []string{"collector/metric", "collector/device", "collector/meter", "collector/exporter", "internal/simulate"}},
	{"internal/simulate", []string{"collector/device"}},
	{"collector", []string{"collector"}},
	{"reporter/window", nil},
	{"reporter/glob", nil},
	{"reporter/metric", []string{"collector/metric"}},
	{"reporter/series", nil},
	{"reporter/prom/instrument", []string{"collector/metric", "reporter/metric", "reporter/prom", "reporter/series"}},
	{"reporter/prom", []string{"reporter/series"}},
	{"reporter/usage", []string{"reporter/window"}},
	{"reporter/fold", []string{"reporter/usage", "reporter/window", "reporter/series"}},
	{"reporter/source/gputally", []string{"collector/metric", "reporter/source", "reporter/fold", "reporter/usage", "reporter/window", "reporter/series"}},
	{"reporter/source", []string{"reporter/source", "reporter/usage", "reporter/window"}},
	{"reporter/price", []string{"reporter/usage", "reporter/window", "reporter/glob"}},
	{"reporter/quota", []string{"reporter/usage", "reporter/window", "reporter/glob"}},
	{"reporter/bucket", []string{"reporter/bucket", "reporter/metric"}},
	{"reporter/ledger/sealed", []string{"reporter/usage", "reporter/window"}},
	{"reporter/ledger", []string{"reporter/ledger/sealed", "reporter/usage", "reporter/window", "reporter/bucket"}},
	{"reporter/index", []string{"reporter/bucket", "reporter/window", "reporter/usage", "reporter/ledger"}},
	{"reporter/rollup/intern", []string{"reporter/usage"}},
	{"reporter/rollup", []string{"reporter/usage", "reporter/window", "reporter/price", "reporter/quota", "reporter/report", "reporter/rollup"}},
	{"reporter/report", []string{"reporter/usage", "reporter/window", "reporter/price", "reporter/quota"}},
	{"reporter/archive", []string{"reporter/bucket", "reporter/index", "reporter/price", "reporter/quota", "reporter/report", "reporter/schedule", "reporter/window"}},
	{"reporter/schedule", []string{"reporter/window"}},
	{"reporter/config", []string{"reporter/window", "reporter/price", "reporter/quota", "reporter/schedule", "reporter/report", "reporter/glob", "reporter/ledger", "schedules"}},
	{"reporter/closing", []string{"reporter/source", "reporter/index", "reporter/ledger", "reporter/schedule", "reporter/usage", "reporter/window"}},
	{"reporter/upkeep", []string{"reporter/index", "reporter/ledger", "reporter/report", "reporter/usage", "reporter/window"}},
	{"reporter/reporting", []string{"reporter/source", "reporter/index", "reporter/ledger", "reporter/price", "reporter/quota", "reporter/report", "reporter/rollup", "reporter/usage", "reporter/window"}},
	{"reporter/task", nil},
	{"reporter/status", []string{"collector/metric", "reporter/archive", "reporter/metric", "reporter/quota", "reporter/report", "reporter/reporting", "reporter/task"}},
	{"reporter/serve", []string{
		"reporter/archive", "reporter/bucket", "reporter/closing", "reporter/index", "reporter/ledger", "reporter/prom", "reporter/report",
		"reporter/reporting", "reporter/series", "reporter/source",
		"reporter/schedule", "reporter/status", "reporter/task", "reporter/upkeep", "reporter/usage", "reporter/window",
	}},
	{"reporter/command", []string{"reporter/source", 
		"collector/metric", "reporter/archive", "reporter/bucket", "reporter/closing", "reporter/config", "reporter/index",
		"reporter/ledger", "reporter/prom", "reporter/report", "reporter/reporting", "reporter/serve", "reporter/upkeep", "reporter/window",
	}},
	{"reporter", []string{"reporter"}},
	{"schedules", nil},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// packages lists the project's packages with what they import, tests left out.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags", "real", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var ps []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	if len(ps) < 20 {
		t.Fatalf("go list found %d packages only", len(ps))
	}
	return ps
}

// below is true if path is prefix or lies below it.
func below(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func TestEachOutsideWorldHasOneImporter(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		own := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			owners := ownersOf(i)
			if owners != nil && !slices.ContainsFunc(owners, func(owner string) bool { return below(own, owner) }) {
				t.Errorf("%s imports %s, which belongs to %s", own, i, strings.Join(owners, " and "))
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

func TestImportsPointTowardsTheDomain(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		own := strings.TrimPrefix(p.ImportPath, module)
		for _, d := range directions {
			if !below(own, d.path) {
				continue
			}
			for _, i := range p.Imports {
				target, ours := strings.CutPrefix(i, module)
				if ours && !slices.ContainsFunc(d.allowed, func(a string) bool { return below(target, a) }) {
					t.Errorf("%s may not import %s", own, target)
				}
			}
			break
		}
	}
}

// The linter enforces the same; an owner that is missing there would be
// noticed by nobody who runs the linter alone.
func TestLinterKnowsTheSameOwners(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile(filepath.Join("..", ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for world, owners := range outside {
		rule := "- pkg: " + world // a dollar after it stands for the exact package
		if !strings.Contains(string(config), rule+"\n") && !strings.Contains(string(config), rule+"$\n") {
			t.Errorf(".golangci.yml has no depguard rule for %s", world)
		}
		for _, owner := range owners {
			if want := fmt.Sprintf("\"!**/%s/**\"", owner); !strings.Contains(string(config), want) {
				t.Errorf(".golangci.yml exempts no %s", owner)
			}
		}
	}
}

// The domain knows no adapter: whoever prices, folds or rolls up must not pull
// in a client of a server, not even through others.
func TestTheDomainKnowsNoAdapter(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"glob", "window", "series", "usage", "fold", "source", "schedule", "price", "quota", "report", "rollup",
	} {
		out, err := exec.Command("go", "list", "-deps", module+"reporter/"+name).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dep := range strings.Lines(string(out)) {
			dep = strings.TrimSpace(dep)
			if dep == "net/http" || strings.HasSuffix(dep, "/prompb") || ownersOf(dep) != nil && name != "schedule" {
				t.Errorf("reporter/%s depends on %s", name, dep)
			}
		}
	}
}
