package usage

// Code names a kind of finding. Codes stand in footers, indexes and manifests
// and are compared, so a code is never changed; its text and hint may be.
type Code string

// The codes of single samples and series.
const (
	ImpossibleValue   Code = "impossible_value"
	OutsideRange      Code = "outside_range"
	UnorderedSamples  Code = "unordered_samples"
	DuplicateSample   Code = "duplicate_sample"
	UUIDMissing       Code = "uuid_missing"
	UnknownState      Code = "unknown_state"
	GPUSecondsFell    Code = "gpu_seconds_fell"
	OtherCounterFell  Code = "other_counter_fell"
	CounterTooFast    Code = "counter_too_fast"
	ClockAhead        Code = "clock_ahead"
	EndBeforeStart    Code = "end_before_start"
	ShareAboveOne     Code = "share_above_one"
	TwoCollectors     Code = "two_collectors"
	HeldTooLong       Code = "held_too_long"
	EdgeContradicted  Code = "edge_contradicted"
	EarlierNotCounted Code = "earlier_not_counted"
	LateCounted       Code = "late_counted"
)

// The codes of GPUs and nodes.
const (
	GPUInfoMissing   Code = "gpu_info_missing"
	GPUInfoAmbiguous Code = "gpu_info_ambiguous"
	GPUUnseen        Code = "gpu_unseen"
	DeviceMissing    Code = "device_missing"
	SharesAboveOne   Code = "shares_above_one"
	HeldDisagrees    Code = "held_disagrees"
	PartsDisagree    Code = "parts_disagree"
	GPUInTwoClusters Code = "gpu_in_two_clusters"
	ActivityDivided  Code = "activity_divided"
	ActivityMissing  Code = "activity_missing"
)

// The codes of the reading itself.
const (
	ReadIncomplete       Code = "read_incomplete"
	NodePoolLabelMissing Code = "node_pool_label_missing"
)

// CodeInfo explains a code.
type CodeInfo struct {
	Code Code
	Of   string // what a finding of the code names: "GPU", "container", "series", …
	Text string // what was found and what was done about it
	Hint string // what to look at
	// sentence is what versions before the codes wrote instead; "" for what they did
	// not find.
	sentence string
}

// Codes explains all codes, in the order in which a reader learns them.
func Codes() []CodeInfo {
	return []CodeInfo{
		{
			LateCounted, "container or GPU",
			"time was counted later than it was held, because its samples came after the previous hour was closed",
			"Nothing is lost: the previous hour shows the time as uncovered, or in rare cases has charged it as estimated. To move it there, restate both hours.",
			"counted later than held, samples came after the hour before was closed",
		}, {
			EarlierNotCounted, "container",
			"something was held since before the previous hour, which did not store it; what was held until then is not counted here",
			"Close or restate the earlier hours.",
			"held since before the hour before, which did not know of it; what was held until then is not counted here",
		}, {
			EdgeContradicted, "container or GPU",
			"samples contradict what is stored for an edge of the hour; the difference is counted as no use",
			"Restate this hour and its neighbours in one go.",
			"samples contradict what was booked at an edge of the window; counted as no use",
		}, {
			GPUUnseen, "GPU",
			"a GPU of the previous hour was not seen though its node was there; its time is uncovered",
			"Look for a collector that is down, or a target that is not scraped.",
			"GPUs of the hour before that were not seen though their node was there; uncovered",
		}, {
			DeviceMissing, "GPU",
			"containers held a GPU that has no device series",
			"Look for a relabelling that drops the device series.",
			"containers held GPUs for which there are no device series",
		}, {
			GPUInfoMissing, "GPU",
			"a GPU has no node or no model, because no info series was found",
			"Look for a relabelling that drops gputally_device_info or its labels.",
			"GPUs without node or model, no info series was found",
		}, {
			GPUInfoAmbiguous, "GPU",
			"a GPU has more than one node or model; the latest is used",
			"It moved, or two sources have the same UUID.",
			"GPUs with more than one node or model; the latest is used",
		}, {
			GPUInTwoClusters, "GPU",
			"a GPU is in the ledger of another cluster for the same time, so both clusters count it",
			"Make sure that the clusters do not read the same series, and restate one of them.",
			"GPUs are in the books of another cluster for the same time, so both count them; do the clusters read the same series",
		}, {
			SharesAboveOne, "GPU",
			"the shares that containers held of a GPU sum to more than the GPU",
			"Two collectors disagree on who holds it, or a pod's end was missed.",
			"the shares of containers sum to more than 1 GPU",
		}, {
			HeldDisagrees, "GPU",
			"containers and device disagree on what was allocated",
			"Scrapes of the containers' or of the device's series are missing, or clocks differ.",
			"containers and device disagree on what was allocated",
		}, {
			PartsDisagree, "GPU",
			"the states of a GPU do not sum to the time that it was there",
			"Scrapes are missing, or clocks differ.",
			"the parts do not sum to the time that the device was there",
		}, {
			TwoCollectors, "container or GPU",
			"two collectors metered the same at the same time; it is counted once",
			"Run one collector on a node; --lock-file keeps a second one off.",
			"two collectors metered the same at the same time; counted once",
		}, {
			ClockAhead, "container or GPU",
			"counters show more time than has passed since their start, so the clocks of node and server differ",
			"Check that the nodes' clocks are synchronized.",
			"counters are older than their start says; the clocks of node and server differ",
		}, {
			EndBeforeStart, "container",
			"a holding ended before it began, so the clocks of node and server differ",
			"Check that the nodes' clocks are synchronized.",
			"ended before they began; the clocks of node and server differ",
		}, {
			HeldTooLong, "container",
			"a container held for longer than the hour lasts",
			"Check that the nodes' clocks are synchronized.",
			"held for longer than the window lasts",
		}, {
			ShareAboveOne, "container",
			"a share is above 1 and taken as 1",
			"Check that only collectors write these series.",
			"shares above 1, taken as 1",
		}, {
			GPUSecondsFell, "container or GPU",
			"counters fell though their start did not change; counting goes on from there",
			"Check that only collectors write these series.",
			"counters fell though their start did not change; counted anew from there",
		}, {
			OtherCounterFell, "container or GPU",
			"counters of activity, memory or energy fell though their start did not change; that is counted as no growth",
			"Check that only collectors write these series.",
			"counters beside the seconds held fell though their start did not change; counted as no growth",
		}, {
			CounterTooFast, "container or GPU",
			"samples were left out, because their counters rose faster than time",
			"Check that the nodes' clocks are synchronized.",
			"samples left out, their counters rose faster than time",
		}, {
			ImpossibleValue, "series, container or GPU",
			"samples were left out, because their values are impossible",
			"Check that only collectors write these series.",
			"samples left out, their values are impossible",
		}, {
			DuplicateSample, "series",
			"a series has two values at one time; the smaller one is used",
			"Two sources write the same series: give each a label of its own.",
			"two values at one time under the same labels; the smaller one is used",
		}, {
			OutsideRange, "series",
			"samples were left out, because they are from outside the time that was asked for",
			"Report it with the server and its version.",
			"samples left out, they are from outside the time that was asked for",
		}, {
			UnorderedSamples, "series",
			"samples were not in the order of time; they were sorted",
			"Report it with the server and its version.",
			"samples that were not in the order of time",
		}, {
			UUIDMissing, "series",
			"series were left out, because they do not say which GPU they belong to",
			"Look for a relabelling that drops the label uuid.",
			"series left out, they do not say which GPU they are of",
		}, {
			UnknownState, "series",
			"series were left out, because this version does not know their state; the time is uncovered",
			"Update the reporter: the collector is newer.",
			"series left out, their state is not known here; the time is uncovered",
		}, {
			ActivityDivided, "node",
			"the activity of shared GPUs was divided evenly among their holders, which is a convention and no measurement",
			"Run the collector without --activity.split-evenly where that matters.",
			"the activity of GPUs that are shared was divided evenly, which is no measurement",
		}, {
			ActivityMissing, "container",
			"a container has not all of the series of its activity, so its activity is unknown",
			"Look for a relabelling that drops the series of active, idle or observed seconds.",
			"",
		}, {
			ReadIncomplete, "replica or server",
			"not all that was asked for could be read",
			"Restate the hour when the server answers completely again.",
			"not all could be read",
		}, {
			NodePoolLabelMissing, "label",
			"no node has the label that names node pools",
			"Add it to --metric-labels-allowlist of kube-state-metrics.",
			"no node has the label that names node pools; is it in --metric-labels-allowlist of kube-state-metrics",
		},
	}
}

// Text says what was found and what was done about it: the code itself where
// this version does not know it.
func (c Code) Text() string {
	for _, i := range Codes() {
		if i.Code == c {
			return i.Text
		}
	}
	return string(c)
}

// UnmarshalText reads a code, or the sentence that earlier versions wrote
// instead. What is neither is kept as it is.
func (c *Code) UnmarshalText(text []byte) error {
	*c = Code(text)
	for _, i := range Codes() {
		if i.sentence != "" && i.sentence == string(text) {
			*c = i.Code
		}
	}
	return nil
}
