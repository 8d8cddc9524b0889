package usage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Exception is something odd about the samples of an hour: what it is, how many
// it happened to, and some of those by name.
type Exception struct {
	Kind  string   `json:"kind"`
	Count int      `json:"count"`
	Named []string `json:"named"` // the first MostNamed, sorted
}

// MostNamed is how many of a kind are named; the rest is counted.
const MostNamed = 10

// String names the exception for people.
func (e Exception) String() string {
	text := e.Kind + ": " + strings.Join(e.Named, "; ")
	if more := e.Count - len(e.Named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// faults collects the exceptions of an hour: by kind, what they happened to.
type faults map[string][]string

func (f faults) note(kind, what string) { f[kind] = append(f[kind], what) }

// list gives one exception for each kind, in an order that depends on nothing
// else.
func (f faults) list() []Exception {
	var all []Exception
	for _, kind := range slices.Sorted(maps.Keys(f)) {
		what := slices.Compact(slices.Sorted(slices.Values(f[kind])))
		all = append(all, Exception{kind, len(what), what[:min(len(what), MostNamed)]})
	}
	return all
}

// The kinds of exceptions.
const (
	faultValue    = "samples left out, their values are impossible"
	faultFell     = "counters fell though their start did not change; counted anew from there"
	faultFast     = "samples left out, their counters rose faster than time"
	faultClock    = "counters are older than their start says; the clocks of node and server differ"
	faultOverlap  = "two collectors metered the same at the same time; counted once"
	faultEdge     = "samples contradict each other around an edge of the window; counted as no use"
	faultNoInfo   = "GPUs without node or model, no info series was found"
	faultTwoInfos = "GPUs with more than one node or model; the latest is used"
	faultNoDevice = "containers held GPUs for which there are no device series"
	faultHeld     = "containers and device disagree on what was allocated"
	faultSum      = "the parts do not sum to the time that the device was there"
	faultNoLabel  = "no node has the label that names node pools; is it in --metric-labels-allowlist of kube-state-metrics"
)
