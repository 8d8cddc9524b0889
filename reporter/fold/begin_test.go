package fold_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// born is when the collector of the tests of late beginnings began, ms after t0.
const born = -300 * minute

// beginning is a target of which only scrapes from a time on are there.
func beginning(s fold.TargetSeries, from int64) fold.TargetSeries {
	s.Scrapes = slices.DeleteFunc(s.Scrapes, func(c fold.Scrape) bool { return c.At < t0+from })
	for i := range s.Scrapes {
		s.Scrapes[i].Index = int32(i)
	}
	for i := range s.Total {
		s.Total[i] = slices.DeleteFunc(s.Total[i], func(p series.Sample) bool { return p.T < t0+from })
	}
	return s
}

// older is a GPU of an old collector whose scrapes begin at a time. It was held for so
// long before the hour, by whom ever, and once more from one time to another.
func older(begins, before, from, to int64) fold.TargetSeries {
	s := scrapes(1, born, 2*whole)
	allocated, _ := fold.StatePlace(usage.Allocated)
	unallocated, _ := fold.StatePlace(usage.Unallocated)
	for _, c := range s.Scrapes {
		held := float64(before+max(0, min(c.At-t0, to)-from)) / 1000
		s.Total[allocated] = append(s.Total[allocated], series.Sample{T: c.At, V: held})
		s.Total[unallocated] = append(s.Total[unallocated], series.Sample{T: c.At, V: c.Value - held})
	}
	return beginning(s, begins)
}

func TestWhereScrapesBegin(t *testing.T) {
	t.Parallel()
	from := func(h fold.Holding, begins int64) fold.Holding {
		h.Series[0] = beginning(h.Series[0], begins)
		return h
	}
	withoutStart := func(s fold.TargetSeries) fold.TargetSeries {
		for i := range s.Scrapes {
			s.Scrapes[i].Start = 0
		}
		return s
	}
	edges := func(device usage.Edge, more ...usage.Edge) *usage.EdgeTable {
		table := usage.NewEdgeTable()
		device.UUID, device.Start = "GPU-a", t0+born
		for _, e := range append(more, device) {
			table.Add(e)
		}
		return table
	}
	const m = minute
	for sentence, tt := range map[string]struct {
		gpu    *fold.GPU
		before *usage.EdgeTable
		want   usage.Coverage
	}{
		"nobody held it": {
			gpu:  gpu("GPU-a", older(33*m, 100*m, 0, 0)),
			want: usage.Coverage{Expected: whole, Unallocated: 27 * m, Uncovered: 33 * m},
		},
		"a container held it all the time": {
			gpu:  gpu("GPU-a", older(33*m, 120*m, -20*m, 2*whole), from(holding("p", 1, -20*m, 2*whole), 33*m)),
			want: usage.Coverage{Expected: whole, Allocated: whole},
		},
		"two containers held a half each from before the first scrape on": {
			gpu:  gpu("GPU-a", older(33*m, 120*m, 10*m, 2*whole), from(holding("p", 0.5, 10*m, 2*whole), 33*m), from(holding("q", 0.5, 10*m, 2*whole), 33*m)),
			want: usage.Coverage{Expected: whole, Allocated: 50 * m, Uncovered: 10 * m},
		},
		"the first scrape is minutes after the begin, and the GPU was held before by who is gone": {
			gpu:  gpu("GPU-a", older(4*m, 150*m, 0, 0)),
			want: usage.Coverage{Expected: whole, Unallocated: 56 * m, Uncovered: 4 * m},
		},
		"the first scrape is after the end": {
			gpu:  gpu("GPU-a", older(62*m, 120*m, 10*m, 2*whole), from(holding("p", 1, 10*m, 2*whole), 62*m)),
			want: usage.Coverage{Expected: whole, Allocated: 50 * m, Uncovered: 10 * m},
		},
		"nobody knows how old the device's counters are": {
			gpu:  gpu("GPU-a", withoutStart(older(33*m, 120*m, 10*m, 2*whole)), from(holding("p", 1, 10*m, 2*whole), 33*m)),
			want: usage.Coverage{Expected: 50 * m, Allocated: 50 * m, Absent: 10 * m},
		},
		"the previous hour has stored where the counters were": {
			gpu:    gpu("GPU-a", older(33*m, 120*m, -20*m, 2*whole), from(holding("p", 1, -20*m, 2*whole), 33*m)),
			before: edges(usage.Edge{Total: [6]int64{300 * m, 140 * m, 160 * m}}, usage.Edge{UUID: "GPU-a", Pod: "uid-p", Container: "main", Start: t0 - 20*m, Total: [6]int64{20 * m}}),
			want:   usage.Coverage{Expected: whole, Allocated: whole},
		},
		"what it has stored is of long before": {
			gpu:    gpu("GPU-a", older(33*m, 120*m, -20*m, 2*whole), from(holding("p", 1, -20*m, 2*whole), 33*m)),
			before: edges(usage.Edge{Total: [6]int64{250 * m, 120 * m, 130 * m}}),
			want:   usage.Coverage{Expected: whole, Allocated: 80 * m, Unallocated: 30 * m, Late: 50 * m, Residue: -50 * m},
		},
		"its scrapes end, and begin again after the hour": {
			gpu: gpu("GPU-a", func() fold.TargetSeries {
				s := older(-10*m, 150*m, 0, 0)
				s.Scrapes = slices.DeleteFunc(s.Scrapes, func(c fold.Scrape) bool { return c.At > t0+40*m && c.At < t0+62*m })
				return s
			}()),
			want: usage.Coverage{Expected: whole, Unallocated: whole},
		},
		"its containers' scrapes begin later": {
			gpu:  gpu("GPU-a", older(-10*m, 120*m, -60*m, 2*whole), from(holding("p", 1, -60*m, 2*whole), 33*m)),
			want: usage.Coverage{Expected: whole, Allocated: whole},
		},
		"its containers' scrapes begin earlier": {
			gpu:  gpu("GPU-a", older(33*m, 120*m, 10*m, 40*m), from(holding("p", 1, 10*m, 40*m), 20*m)),
			want: usage.Coverage{Expected: whole, Allocated: 30 * m, Unallocated: 20 * m, Uncovered: 10 * m},
		},
		"the previous hour has stored too much for who is seen only later": {
			gpu:    gpu("GPU-a", older(m, 120*m, 0, 20*m), from(holding("p", 1, 0, 20*m), 9*m)),
			before: edges(usage.Edge{Total: [6]int64{300 * m, 125 * m, 175 * m}}),
			want:   usage.Coverage{Expected: whole, Allocated: 20 * m, Unallocated: 40 * m},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			part, coverage, findings := folded(t, fold.Config{Neighbours: usage.Neighbours{Before: tt.before}}, tt.gpu)
			if diff := cmp.Diff(tt.want, coverage); diff != "" {
				t.Errorf("coverage (-want +got)\n%s\nfindings %v", diff, findings)
			}
			var sum int64
			for _, s := range part.Segments {
				sum += s.GPUMillis
			}
			if sum != whole+coverage.Late {
				t.Errorf("rows have %d ms: %+v", sum, part.Segments)
			}
			for _, f := range findings {
				if f.Code == usage.PartsDisagree {
					t.Errorf("finding %v", f)
				}
			}
		})
	}
}

// An edge that nobody knows is not stored: the previous hour may know it.
func TestAnUnknownEdgeIsNotStored(t *testing.T) {
	t.Parallel()
	for sentence, tt := range map[string]struct {
		begins           int64
		opening, closing int
	}{
		"the scrapes begin in the hour":          {33 * minute, 0, 1},
		"the scrapes begin after the hour":       {62 * minute, 0, 0},
		"the scrapes begin shortly before":       {-minute, 1, 1},
		"the scrapes begin right with the hour":  {0, 1, 1},
		"the scrapes begin a minute after begin": {minute, 0, 1},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			part, _, _ := folded(t, fold.Config{}, gpu("GPU-a", older(tt.begins, 100*minute, 0, 0)))
			if len(part.Opening) != tt.opening || len(part.Closing) != tt.closing {
				t.Errorf("edges %+v and %+v", part.Opening, part.Closing)
			}
		})
	}
}
