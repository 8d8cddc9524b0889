package gputally_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
)

// beginning is a node whose samples begin late.
type beginning struct {
	scene
	device, containers int64 // when their samples begin, ms after t0
}

func drawBeginning(t *rapid.T) beginning {
	b := beginning{scene: scene{uuids: []string{"GPU-a"}}}
	slots := rapid.SampledFrom([]int{1, 2}).Draw(t, "slots")
	for slot := range slots {
		at := rapid.Int64Range(-2*hour, short).Draw(t, "first")
		for n := range rapid.IntRange(0, 4).Draw(t, "containers") {
			length := rapid.SampledFrom([]int64{20 * second, 10 * minute, hour}).Draw(t, "length")
			length += rapid.Int64Range(0, length).Draw(t, "more")
			b.holds = append(b.holds, hold{
				uuid: "GPU-a", pod: string(rune('a'+slot)) + string(rune('a'+n)), share: 1 / float64(slots), from: at, to: at + length,
			})
			at += length + rapid.Int64Range(0, 10*minute).Draw(t, "pause")
		}
	}
	born := rapid.SampledFrom([]int64{-5 * hour, -11 * minute, -minute, 5 * minute}).Draw(t, "born")
	b.processes = []process{{"a", born, 5 * hour}}
	b.scrapers = []scraper{{phase: -5*hour + rapid.Int64Range(0, 30*second-1).Draw(t, "phase"), interval: 30 * second, until: 2 * short}}
	b.device = rapid.Int64Range(-12*minute, short+4*minute).Draw(t, "begins")
	b.containers = b.device
	if rapid.Bool().Draw(t, "apart") {
		b.containers = rapid.Int64Range(-12*minute, short+4*minute).Draw(t, "containers begin")
	}
	return b
}

// cut leaves out the samples from before they begin.
func (b beginning) cut(m *memory) {
	for _, s := range m.series {
		from := min(b.device, b.containers)
		switch name := s.Labels.Get("__name__"); {
		case strings.HasPrefix(name, "gputally_device_"):
			from = b.device
		case strings.HasPrefix(name, "gputally_container_"):
			from = b.containers
		}
		s.Samples = slices.DeleteFunc(s.Samples, func(p series.Sample) bool { return p.T < t0+from })
	}
}

// held is what containers held of the time from one instant to another, ms.
func (b beginning) held(from, to int64) (sum float64) {
	for _, h := range b.holds {
		sum += h.share * float64(max(0, min(h.to, to)-max(h.from, from, b.processes[0].from)))
	}
	return sum
}

// What is counted before the first sample is what containers are known to have
// held, whoever begins first, and whether the previous hour is closed or not.
func TestSamplesThatBeginLateAddUp(t *testing.T) {
	t.Parallel()
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		b := drawBeginning(t)
		all, late := newMemory(), newMemory()
		b.render(all)
		b.render(late)
		b.cut(late)
		c := newCloser(outer, gputally.Config{Cluster: "c1", Reader: late, AllowEmpty: true})
		var n usage.Neighbours
		closedBefore := rapid.Bool().Draw(t, "previous is closed")
		if closedBefore {
			previous := closeWhole(t, newCloser(outer, gputally.Config{Cluster: "c1", Reader: all, AllowEmpty: true}), span(-short, 0), usage.Neighbours{})
			n = previous.before()
		}
		got, err := tryWhole(c, span(0, short), n)
		if errors.Is(err, source.ErrIncomplete) && b.containers > b.device {
			return // what ended before containers were scraped is nowhere
		}
		if err != nil {
			t.Fatal(err)
		}
		of := map[usage.State]int64{}
		sum := int64(0)
		for _, s := range got.Hour.Segments {
			of[s.State] += s.GPUMillis
			sum += s.GPUMillis
		}
		cover := got.Hour.Coverage
		if cover.Late < 0 || len(got.Hour.Segments) > 0 && !usage.Agree(sum, short+cover.Late) {
			t.Errorf("rows have %d ms, of which %d are late: %v", sum, cover.Late, of)
		}
		// The device counted what nobody sees: what came and went without a scrape.
		knows := closedBefore || b.containers > b.device || b.processes[0].from >= -10*minute
		for _, f := range got.Hour.Findings {
			if f.Code == usage.PartsDisagree || f.Code == usage.HeldDisagrees && !knows || f.Code == usage.EdgeContradicted || f.Code == usage.SharesAboveOne && cover.Late == 0 { // what is late has a row in the hour
				t.Errorf("finding %v", f)
			}
		}
		const slack = 4000.0
		truth := b.held(0, short)
		if held := float64(of[usage.Allocated]); !closedBefore && held > truth+float64(cover.Late)+slack {
			t.Errorf("%.0f ms are held, of %.0f", held, truth)
		}
		free := float64(short-max(0, b.processes[0].from)) - truth
		if unallocated := float64(of[usage.Unallocated]); !closedBefore && unallocated > free+slack+math.Max(0, -float64(b.processes[0].from)) {
			t.Errorf("%.0f ms are unallocated, of %.0f", unallocated, free)
		}
		if float64(of[usage.Unattributed]) > slack && !knows {
			t.Errorf("%d ms are unattributed", of[usage.Unattributed])
		}
	})
}
