package fold

import "github.com/gputally/gputally/reporter/usage"

// GPU is what was read of one physical GPU, from Lookback before the window to
// Lookahead after it. Folding overwrites the scrapes.
type GPU struct {
	Place     usage.Device   // the UUID, and the rest as far as it is known
	Ambiguous bool           // more than one node or model is named; Place has the latest
	Device    []TargetSeries // the seconds of the GPU by state
	Holdings  []Holding      // each container that held a share of it once, in any order
	// Spoilt says that samples were left out, because they cannot be. So the parts
	// may be less than the whole.
	Spoilt bool
	// Ended says that the server marked the device's series as ended after their
	// last sample: somebody saw them go.
	Ended bool
}

// Holding is what was read of one container on one GPU.
type Holding struct {
	Holder Holder
	Name   string         // names it in findings
	Series []TargetSeries // what each target says of it
}

// Holder is a container.
type Holder struct{ Namespace, Pod, PodUID, Container string }

// Key names a holder across targets.
func (h Holder) Key() HolderKey {
	pod := h.PodUID
	if pod == "" {
		pod = h.Namespace + "/" + h.Pod
	}
	return HolderKey{pod, h.Container}
}

// HolderKey names a holder as an Edge does: by pod UID, or namespace/pod where
// there is none, and container. The zero key stands for the device itself.
type HolderKey struct{ Pod, Container string }

// TargetSeries is what one target says of one holding, or of one device.
type TargetSeries struct {
	Scrapes []Scrape           // in the order of Scrape.At
	Total   [Quantities]Column // what was counted in all, by quantity or state; that of the first place is in the scrapes
	Falls   []int64            // times of samples smaller than the ones before, of any total but Held; sorted
}
