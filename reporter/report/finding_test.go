package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/usage"
)

// oldFindings are findings as versions wrote them that had sentences for codes.
const oldFindings = `"warnings": [
    "model \"T4\" has no price and is allowed to: 1 GPU-hours at no cost",
    "cluster eu-1: counted later than held, samples came after the hour before was closed: team/p/main on GPU-a; team/q/main on GPU-a (hours: 2, in all: 3)",
    "cluster eu-1: not all could be read: replica 1 of 2 is down (hours: 1, in all: 1)",
    "cluster eu-2: samples left out, their values are impossible: GPU-b (hours: 1, in all: 1)"
  ],
  "exceptions": [
    {"cluster": "eu-1", "kind": "counted later than held, samples came after the hour before was closed", "hours": 2, "count": 3, "named": ["team/p/main on GPU-a", "team/q/main on GPU-a"]},
    {"cluster": "eu-1", "kind": "not all could be read", "hours": 1, "count": 1, "named": ["replica 1 of 2 is down"]},
    {"cluster": "eu-2", "kind": "samples left out, their values are impossible", "hours": 1, "count": 1, "named": ["GPU-b"]}
  ]`

func TestFindingsOfAnEarlierVersionHaveCodes(t *testing.T) {
	t.Parallel()
	data := []byte(`{"version": 1, "name": "daily", ` + oldFindings + `}`)
	m, err := report.DecodeManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Finding{
		{Cluster: "eu-1", Code: usage.LateCounted, Hours: 2, Count: 3, Named: []string{"team/p/main on GPU-a", "team/q/main on GPU-a"}},
		{Cluster: "eu-1", Code: usage.ReadIncomplete, Hours: 1, Count: 1, Named: []string{"replica 1 of 2 is down"}},
		{Cluster: "eu-2", Code: usage.ImpossibleValue, Hours: 1, Count: 1, Named: []string{"GPU-b"}},
	}
	if diff := cmp.Diff(want, m.Findings); diff != "" {
		t.Errorf("findings (-want +got)\n%s", diff)
	}
	if len(m.Warnings) != 1 || !strings.HasPrefix(m.Warnings[0], "model") {
		t.Errorf("what was found is among the warnings %q", m.Warnings)
	}
	if again, err := m.Encode(); err != nil || string(again) != string(data) {
		t.Errorf("a manifest that was read is written as\n%s", again)
	}
}

func TestManifestsThatSayTheSame(t *testing.T) {
	t.Parallel()
	now := report.Manifest{Version: report.ManifestVersion, Name: "daily", CreatedAt: "2026-11-21T00:00:00Z", Findings: []report.Finding{
		{Cluster: "eu-1", Code: usage.LateCounted, Hours: 1, Count: 1, Named: []string{"GPU-a"}},
	}}
	written, err := now.Encode()
	if err != nil {
		t.Fatal(err)
	}
	begin := strings.Index(string(written), `"findings"`)
	end := begin + strings.Index(string(written[begin:]), "],\n") + 1 // of named
	end += strings.Index(string(written[end:]), "]")
	old := string(written[:begin]) + `"exceptions": [{"cluster": "eu-1", "hours": 1, "count": 1, "named": ["GPU-a"],
    "kind": "counted later than held, samples came after the hour before was closed"}` + string(written[end:])
	for sentence, c := range map[string]struct {
		text string
		want bool
	}{
		"as this version writes it":      {string(written), true},
		"made at another time":           {strings.Replace(string(written), "11-21", "11-22", 1), true},
		"as an earlier version wrote it": {old, true},
		"with another count":             {strings.Replace(old, `"count": 1`, `"count": 2`, 1), false},
		"of another name":                {strings.Replace(string(written), "daily", "weekly", 1), false},
	} {
		m, err := report.DecodeManifest([]byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", sentence, err, c.text)
		}
		if m.Same(now) != c.want || now.Same(m) != c.want {
			t.Errorf("%s: the same is %t, want %t\n%s", sentence, !c.want, c.want, c.text)
		}
	}
}
