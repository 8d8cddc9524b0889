package schedules_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/schedules"
)

// Each shipped file loads strictly, as a user's own would, so that it can be
// copied and changed.
func TestEachLoadsStrictly(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(schedules.Files(), "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no shipped schedules: %v", err)
	}
	seen := map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(schedules.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for file, content := range map[string]string{
			"gputally.yaml": "cluster: c\nprometheus: {url: http://p:9090}\nbucket: {url: file:///b}\n" +
				"projects: projects.yaml\nschedules: schedules.yaml\n",
			"projects.yaml":  "projects: [{name: p, namespaces: [n]}]\n",
			"schedules.yaml": string(data),
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg, err := config.Load(filepath.Join(dir, "gputally.yaml"))
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
			continue
		}
		for _, s := range cfg.Schedules {
			if other, taken := seen[s.Name]; taken {
				t.Errorf("%s is in %s and in %s", s.Name, other, name)
			}
			seen[s.Name] = name
		}
	}
	for _, name := range []string{"daily-by-project", "weekly-by-department", "monthly-by-project", "monthly-by-node-pool"} {
		if seen[name] == "" {
			t.Errorf("no shipped schedule %s", name)
		}
	}
}
