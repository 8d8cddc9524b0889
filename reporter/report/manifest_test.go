package report_test

import (
	"testing"

	"github.com/gputally/gputally/reporter/report"
)

func TestDecodeManifestRefuses(t *testing.T) {
	t.Parallel()
	for sentence, data := range map[string]string{
		"no JSON": "report", "a manifest cut short": `{"version": 1, "name`, "another version": `{"version": 2}`,
		"a ratio that is no number": `{"version": 1, "coverage": {"ratio": "NaN"}}`,
	} {
		if _, err := report.DecodeManifest([]byte(data)); err == nil {
			t.Errorf("%s: no error", sentence)
		}
	}
	if _, err := report.DecodeManifest([]byte(`{"version": 1, "added_later": true}`)); err != nil {
		t.Errorf("a field that was added later: %v", err)
	}
}
