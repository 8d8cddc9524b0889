package report

import (
	"fmt"
	"strings"
)

// Exception is what was odd about the samples of a report's hours: one kind in
// one cluster.
type Exception struct {
	Cluster string   `json:"cluster"`
	Kind    string   `json:"kind"`
	Hours   int      `json:"hours"` // that have it
	Count   int      `json:"count"` // things it happened to, each once an hour
	Named   []string `json:"named"` // the first ones, sorted
}

// String tells people.
func (e Exception) String() string {
	return fmt.Sprintf("cluster %s: %s: %s (hours: %d, in all: %d)",
		e.Cluster, e.Kind, strings.Join(e.Named, "; "), e.Hours, e.Count)
}
