package charts_test

import (
	"bytes"
	"os"
	"testing"
)

// A chart can't refer to files outside its folder, so it has copies.
func TestCopiesOfRulesAndDashboardsAreUpToDate(t *testing.T) {
	t.Parallel()
	for original, copied := range map[string]string{
		"../dashboards/rules/gputally.yaml": "gputally/files/rules.yaml",
		"../dashboards/usage.json":          "gputally/files/usage.json",
	} {
		want, err := os.ReadFile(original)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(copied)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s differs from %s; run make generate", copied, original)
		}
	}
}
