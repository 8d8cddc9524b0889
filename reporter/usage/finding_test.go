package usage_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/usage"
)

//go:generate go test . -run TestDocumentationOfFindingsIsUpToDate -update

var update = flag.Bool("update", false, "write the documentation again")

const document = "../../docs/findings.md"

// page explains each code.
func page() string {
	var b strings.Builder
	b.WriteString(`# Findings

A finding is something odd in the samples of an hour. The hour is closed all the
same; no finding makes it smaller in silence. It stands in the footer of the
hour, in the manifest of each report that has the hour, and in the log when the
hour is closed. It has a code, a count, and up to ten names.

The codes don't change. Earlier versions wrote a sentence for a code; it is read
as its code.

| code | names | what was found, and what was done about it | what to do |
|---|---|---|---|
`)
	for _, c := range usage.Codes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Code, c.Of, c.Text, c.Hint)
	}
	return b.String()
}

func TestDocumentationOfFindingsIsUpToDate(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(document, []byte(page()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page(), string(got)); diff != "" {
		t.Errorf("%s is stale (-want +got), run make generate:\n%s", document, diff)
	}
}

// sentences are what versions before the codes wrote. They stand in buckets.
var sentences = map[string]usage.Code{
	"samples left out, their values are impossible":                                                             usage.ImpossibleValue,
	"samples left out, they are from outside the time that was asked for":                                       usage.OutsideRange,
	"samples that were not in the order of time":                                                                usage.UnorderedSamples,
	"two values at one time under the same labels; the smaller one is used":                                     usage.DuplicateSample,
	"series left out, they do not say which GPU they are of":                                                    usage.UUIDMissing,
	"series left out, their state is not known here; the time is uncovered":                                     usage.UnknownState,
	"counters fell though their start did not change; counted anew from there":                                  usage.GPUSecondsFell,
	"counters beside the seconds held fell though their start did not change; counted as no growth":             usage.OtherCounterFell,
	"samples left out, their counters rose faster than time":                                                    usage.CounterTooFast,
	"held for longer than the window lasts":                                                                     usage.HeldTooLong,
	"counters are older than their start says; the clocks of node and server differ":                            usage.ClockAhead,
	"ended before they began; the clocks of node and server differ":                                             usage.EndBeforeStart,
	"shares above 1, taken as 1":                                                                                usage.ShareAboveOne,
	"two collectors metered the same at the same time; counted once":                                            usage.TwoCollectors,
	"samples contradict what was booked at an edge of the window; counted as no use":                            usage.EdgeContradicted,
	"held since before the hour before, which did not know of it; what was held until then is not counted here": usage.EarlierNotCounted,
	"counted later than held, samples came after the hour before was closed":                                    usage.LateCounted,
	"GPUs without node or model, no info series was found":                                                      usage.GPUInfoMissing,
	"GPUs with more than one node or model; the latest is used":                                                 usage.GPUInfoAmbiguous,
	"GPUs of the hour before that were not seen though their node was there; uncovered":                         usage.GPUUnseen,
	"containers held GPUs for which there are no device series":                                                 usage.DeviceMissing,
	"the shares of containers sum to more than 1 GPU":                                                           usage.SharesAboveOne,
	"containers and device disagree on what was allocated":                                                      usage.HeldDisagrees,
	"the parts do not sum to the time that the device was there":                                                usage.PartsDisagree,
	"the activity of GPUs that are shared was divided evenly, which is no measurement":                          usage.ActivityDivided,
	"not all could be read": usage.ReadIncomplete,
	"no node has the label that names node pools; is it in --metric-labels-allowlist of kube-state-metrics":                usage.NodePoolLabelMissing,
	"GPUs are in the books of another cluster for the same time, so both count them; do the clusters read the same series": usage.GPUInTwoClusters,
	"late_counted":       usage.LateCounted,
	"of a later version": "of a later version",
}

func TestSentencesAreReadAsCodes(t *testing.T) {
	t.Parallel()
	for sentence, want := range sentences {
		text, err := json.Marshal([]map[string]any{{"kind": sentence, "count": 1, "named": []string{"GPU-a"}}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := usage.DecodeFindings(text)
		if err != nil || len(got) != 1 || !got[0].Equal(usage.Finding{Code: want, Count: 1, Named: []string{"GPU-a"}}) {
			t.Errorf("%q is read as %v, %v", sentence, got, err)
		}
	}
}

func TestEachCodeIsExplainedOnce(t *testing.T) {
	t.Parallel()
	form, seen := regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`), map[usage.Code]bool{}
	for _, c := range usage.Codes() {
		if !form.MatchString(string(c.Code)) || seen[c.Code] {
			t.Errorf("code %q is malformed or stands twice", c.Code)
		}
		seen[c.Code] = true
		if c.Of == "" || c.Text == "" || c.Hint == "" || c.Code.Text() != c.Text || strings.Contains(c.Of+c.Text+c.Hint, "|") {
			t.Errorf("code %s is not explained: %+v", c.Code, c)
		}
	}
	for sentence, code := range sentences {
		if !seen[code] && code != "of a later version" {
			t.Errorf("the code %s of %q is not explained", code, sentence)
		}
	}
}

func TestFindingsAreWrittenUnderTheNamesThatEarlierVersionsRead(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(usage.Finding{Code: usage.LateCounted, Count: 2, Named: []string{"a", "b"}})
	if want := `{"kind":"late_counted","count":2,"named":["a","b"]}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
}
