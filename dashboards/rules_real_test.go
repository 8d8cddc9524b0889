//go:build real

package dashboards_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestRulesPassPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := filepath.Abs(filepath.Join("..", ".tools", "bin", "promtool"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"check", "rules", "--lint=all", "--lint-fatal", "gputally.yaml"},
		{"test", "rules", "gputally_test.yaml", "reporter_test.yaml"},
	} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = "rules"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v (is it there? run make tools)\n%s", args, err, out)
		}
	}
}
