package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/usage"
)

// Finding adds up the findings of a report's hours that have one code, in one
// cluster.
type Finding struct {
	Cluster string     `json:"cluster"`
	Code    usage.Code `json:"code"`
	Hours   int        `json:"hours"` // that have it
	Count   int        `json:"count"` // things it happened to, each once an hour
	Named   []string   `json:"named"` // the first ones, sorted
}

// String says what was found and where.
func (f Finding) String() string {
	return f.says(string(f.Code) + ": " + f.Code.Text())
}

func (f Finding) says(what string) string {
	return fmt.Sprintf("cluster %s: %s: %s (hours: %d, in all: %d)",
		f.Cluster, what, strings.Join(f.Named, "; "), f.Hours, f.Count)
}

// compareFindings orders findings by cluster and code.
func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Code, b.Code))
}

// readOldFindings takes the findings of a manifest from before there were codes:
// they had sentences, and stood among the warnings, too.
func (m *Manifest) readOldFindings(data []byte) error {
	var old struct {
		Exceptions []struct {
			Finding
			Kind string `json:"kind"`
		} `json:"exceptions"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return fmt.Errorf("decode the findings of a manifest: %w", err)
	}
	m.Findings = []Finding{}
	for _, e := range old.Exceptions {
		warning := e.says(e.Kind)
		m.Warnings = slices.DeleteFunc(m.Warnings, func(w string) bool { return w == warning })
		if err := e.Code.UnmarshalText([]byte(e.Kind)); err != nil {
			return err
		}
		m.Findings = append(m.Findings, e.Finding)
	}
	slices.SortFunc(m.Findings, compareFindings)
	return nil
}
