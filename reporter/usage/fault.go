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

// faults collects the exceptions of a piece: by kind, what they happened to.
type faults map[string][]string

func (f faults) note(kind, what string) { f[kind] = append(f[kind], what) }

// exceptions adds up the faults of pieces, which have no GPU in common.
type exceptions map[string]*Exception

func (es exceptions) add(f faults) {
	for kind, what := range f {
		e := es[kind]
		if e == nil {
			e = &Exception{Kind: kind}
			es[kind] = e
		}
		what = slices.Compact(slices.Sorted(slices.Values(what)))
		e.Count += len(what)
		e.Named = append(e.Named, what[:min(len(what), MostNamed)]...)
		slices.Sort(e.Named)
		e.Named = e.Named[:min(len(e.Named), MostNamed)]
	}
}

// list gives one exception for each kind, in an order that depends on nothing
// else.
func (es exceptions) list() []Exception {
	var all []Exception
	for _, kind := range slices.Sorted(maps.Keys(es)) {
		all = append(all, *es[kind])
	}
	return all
}

// The kinds of exceptions.
const (
	// Of single samples.
	faultValue  = "samples left out, their values are impossible"
	faultTime   = "samples left out, they are from outside the time that was asked for"
	faultOrder  = "samples that were not in the order of time"
	faultTwice  = "two values at one time under the same labels; the smaller one is used"
	faultLabels = "series left out, they do not say which GPU they are of"
	faultState  = "series left out, their state is not known here; the time is uncovered"

	// Of a counter or a holding.
	faultFell    = "counters fell though their start did not change; counted anew from there"
	faultBeside  = "counters beside the seconds held fell though their start did not change; counted as no growth"
	faultFast    = "samples left out, their counters rose faster than time"
	faultMuch    = "held for longer than the window lasts"
	faultClock   = "counters are older than their start says; the clocks of node and server differ"
	faultEnd     = "ended before they began; the clocks of node and server differ"
	faultShare   = "shares above 1, taken as 1"
	faultOverlap = "two collectors metered the same at the same time; counted once"
	faultEdge    = "samples contradict what was booked at an edge of the window; counted as no use"
	faultLost    = "held since before the hour before, which did not know of it; what was held until then is not counted here"
	faultLate    = "counted later than held, samples came after the hour before was closed"

	// Of a GPU.
	faultNoInfo   = "GPUs without node or model, no info series was found"
	faultTwoInfos = "GPUs with more than one node or model; the latest is used"
	faultUnseen   = "GPUs of the hour before that were not seen though their node was there; uncovered"
	faultNoDevice = "containers held GPUs for which there are no device series"
	faultShares   = "the shares of containers sum to more than 1 GPU"
	faultHeld     = "containers and device disagree on what was allocated"
	faultSum      = "the parts do not sum to the time that the device was there"

	// Of a node.
	faultSplit = "the activity of GPUs that are shared was divided evenly, which is no measurement"

	// Of the reading.
	faultReplica = "not all could be read"
	faultNoLabel = "no node has the label that names node pools; is it in --metric-labels-allowlist of kube-state-metrics"
)
