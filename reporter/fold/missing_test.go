package fold_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/fold"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

func TestAllocatedTimeOfWhichNoContainerShows(t *testing.T) {
	t.Parallel()
	cutFrom := func(h fold.Holding, from int64) fold.Holding {
		h.Series[0].Scrapes = slices.DeleteFunc(h.Series[0].Scrapes, func(c fold.Scrape) bool { return c.At >= t0+from })
		return h
	}
	unscraped := func(d fold.TargetSeries, from, to int64) fold.TargetSeries {
		gap := func(at int64) bool { return at > t0+from && at < t0+to }
		d.Scrapes = slices.DeleteFunc(d.Scrapes, func(c fold.Scrape) bool { return gap(c.At) })
		for i := range d.Total {
			d.Total[i] = slices.DeleteFunc(d.Total[i], func(s series.Sample) bool { return gap(s.T) })
		}
		for i := range d.Scrapes {
			d.Scrapes[i].Index = int32(i)
		}
		return d
	}
	spoilt := gpu("GPU-a", device(10*minute, 40*minute))
	spoilt.Spoilt = true
	for sentence, c := range map[string]struct {
		gpu  *fold.GPU
		want []string
	}{
		"all of it is held": {gpu: gpu("GPU-a", device(10*minute, 40*minute), holding("p", 1, 10*minute, 40*minute))},
		"no container is there": {
			gpu: gpu("GPU-a", device(10*minute, 40*minute)), want: []string{"GPU-a has no container for 1800.000 s for which it was allocated"},
		},
		"a container ends before the device's time": {
			gpu:  gpu("GPU-a", device(10*minute, 40*minute), cutFrom(holding("p", 1, 10*minute, 40*minute), 31*minute)),
			want: []string{"GPU-a has no container for 600.000 s for which it was allocated"},
		},
		"one of two that share": {
			gpu:  gpu("GPU-a", device(10*minute, 40*minute), holding("p", 0.5, 10*minute, 40*minute)),
			want: []string{"GPU-a has no container for 900.000 s for which it was allocated"},
		},
		"a minute may lack":                  {gpu: gpu("GPU-a", device(10*minute, 11*minute))},
		"more than a minute":                 {gpu: gpu("GPU-a", device(10*minute, 11*minute+1000)), want: []string{"GPU-a has no container for 61.000 s for which it was allocated"}},
		"between scrapes that are far apart": {gpu: gpu("GPU-a", unscraped(device(10*minute, 14*minute), 9*minute, 25*minute))},
		"between scrapes that are not": {
			gpu: gpu("GPU-a", unscraped(device(10*minute, 14*minute), 9*minute, 18*minute)), want: []string{"GPU-a has no container for 240.000 s for which it was allocated"},
		},
		"samples that cannot be were left out": {gpu: spoilt},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			h := fold.New(config(func(usage.Part) error { return nil }))
			if err := h.Piece(1, slices.Values([]*fold.GPU{c.gpu}), usage.Notes{}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := h.Finish(); err != nil {
				t.Fatal(err)
			}
			got := h.Missing()
			if diff := cmp.Diff(c.want, got.Named); diff != "" || got.Count != len(c.want) {
				t.Errorf("%d GPUs (-want +got)\n%s", got.Count, diff)
			}
		})
	}
}
