package simulate_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/internal/simulate"
)

var origin = time.Date(2026, 11, 1, 11, 55, 0, 0, time.UTC)

func holder(pod string) device.Holder {
	return device.Holder{Namespace: "ns", Pod: pod, PodUID: "uid-" + pod, Container: "main"}
}

// hold holds a part of a GPU from one second to another.
func hold(pod string, gpu, milli, from, to int) simulate.Hold {
	at := func(s int) time.Time { return origin.Add(time.Duration(s) * time.Second) }
	return simulate.Hold{Holder: holder(pod), GPU: gpu, Milli: milli, From: at(from), To: at(to)}
}

func node(holds ...simulate.Hold) *simulate.Node {
	return &simulate.Node{
		Name:  "node-1",
		GPUs:  []simulate.GPU{simulate.NewGPU("GPU-a", "NVIDIA H200"), simulate.NewGPU("GPU-b", "NVIDIA T4")},
		Holds: holds,
	}
}

func TestScriptsThatCouldHappenAreValid(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]*simulate.Node{
		"nothing at all":                     {},
		"nobody holds anything":              node(),
		"parts that make the whole":          node(hold("a", 0, 300, 0, 100), hold("b", 0, 700, 50, 150)),
		"one begins at the other's end":      node(hold("b", 0, 1000, 100, 200), hold("a", 0, 1000, 0, 100)),
		"a holder comes back at its own end": node(hold("a", 0, 600, 100, 200), hold("a", 0, 600, 0, 100)),
		"a holder holds several GPUs":        node(hold("a", 0, 1000, 0, 100), hold("a", 1, 1000, 0, 100)),
	} {
		if err := n.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScriptsThatCouldNotHappenAreRefused(t *testing.T) {
	t.Parallel()
	twins := node()
	twins.GPUs[1].UUID = "GPU-a"
	for name, tc := range map[string]struct {
		node *simulate.Node
		want []string
	}{
		"a GPU beyond the last":     {node(hold("a", 2, 1, 0, 1)), []string{"hold 0 of node node-1: there is no GPU 2"}},
		"a GPU before the first":    {node(hold("a", -1, 1, 0, 1)), []string{"there is no GPU -1"}},
		"no part at all":            {node(hold("a", 0, 0, 0, 1)), []string{"0 thousandths"}},
		"more than a GPU":           {node(hold("a", 0, 1001, 0, 1)), []string{"1001 thousandths"}},
		"an end before the start":   {node(hold("a", 0, 1, 1, 0)), []string{"not after it begins"}},
		"no time at all":            {node(hold("a", 0, 1, 1, 1)), []string{"not after it begins"}},
		"GPUs that look the same":   {twins, []string{`GPU 1: UUID "GPU-a"`}},
		"a GPU held beyond itself":  {node(hold("a", 0, 600, 0, 100), hold("b", 0, 401, 99, 200)), []string{"GPU GPU-a of node node-1: held beyond its whole at 2026-11-01 11:56:39"}},
		"a GPU held twice by one":   {node(hold("a", 1, 100, 0, 100), hold("a", 1, 100, 50, 60)), []string{"GPU GPU-b of node node-1: held twice by ns/a at 2026-11-01 11:55:50"}},
		"several problems at once":  {node(hold("a", 7, 0, 0, 0), hold("b", 0, 2000, 0, 1)), []string{"hold 0", "no GPU 7", "\n0 thousandths", "not after", "hold 1", "2000"}},
		"a bad hold beside an over": {node(hold("a", 0, 0, 0, 1), hold("b", 0, 600, 0, 9), hold("c", 0, 600, 5, 9)), []string{"hold 0", "held beyond"}},
	} {
		err := tc.node.Validate()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", name, err, want)
			}
		}
	}
}

// drawHolds draws holds with whole seconds and coarse parts, so that ends
// meet and GPUs become full.
func drawHolds(t *rapid.T, gpus int) []simulate.Hold {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) simulate.Hold {
		from := rapid.IntRange(0, 1500).Draw(t, "from")
		return hold(
			rapid.StringMatching("[a-e]").Draw(t, "pod"),
			rapid.IntRange(0, gpus-1).Draw(t, "gpu"),
			100*rapid.IntRange(1, 10).Draw(t, "part"),
			from, from+rapid.IntRange(1, 400).Draw(t, "life"),
		)
	}), 0, 12).Draw(t, "holds")
}

// TestValidateAgreesWithLookingAtEverySecond: all ends lie on whole seconds.
func TestValidateAgreesWithLookingAtEverySecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := node(drawHolds(t, 2)...)
		possible := true
		for s := range 2000 {
			at := origin.Add(time.Duration(s) * time.Second)
			held := make([]int, len(n.GPUs))
			type key struct {
				holder device.Holder
				gpu    int
			}
			seen := map[key]bool{}
			for _, h := range n.Holds {
				if h.From.After(at) || !h.To.After(at) {
					continue
				}
				k := key{h.Holder, h.GPU}
				if held[h.GPU] += h.Milli; held[h.GPU] > 1000 || seen[k] {
					possible = false
				}
				seen[k] = true
			}
		}
		if err := n.Validate(); (err == nil) != possible {
			t.Fatalf("possible: %v, but Validate says %v", possible, err)
		}
	})
}
