package usage

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/reporter/series"

	"github.com/gputally/gputally/collector/metric"
)

// sifter leaves out samples that cannot be.
type sifter struct {
	from, to int64 // what was asked for, both included, Unix ms
	room     []series.Sample
}

// sift returns the samples that the collector can have meant, in the order of
// time: no family of it has other than finite values from zero on. fell tells
// that a value is smaller than the one before. The samples are valid until the
// next call, or as long as the series.
func (si *sifter) sift(s series.Series, most float64, f Notes) (samples []series.Sample, fell bool) {
	last := series.Sample{T: si.from - 1}
	for _, p := range s.Samples {
		if !(p.V >= 0 && p.V <= most) || p.T <= last.T || p.T > si.to { // not so for NaN
			return si.pick(s, most, f)
		}
		fell = fell || p.V < last.V
		last = p
	}
	return s.Samples, fell
}

// pick is sift for a series with something that cannot be.
func (si *sifter) pick(s series.Series, most float64, f Notes) ([]series.Sample, bool) {
	all := si.room[:0]
	var outside, impossible bool
	for _, p := range s.Samples {
		switch {
		case p.T < si.from || p.T > si.to:
			outside = true
		case !(p.V >= 0 && p.V <= most):
			impossible = true
		default:
			all = append(all, p)
		}
	}
	si.room = all
	byTime := func(a, b series.Sample) int { return cmp.Compare(a.T, b.T) }
	disordered := !slices.IsSortedFunc(all, byTime)
	all, differ := merge(all)
	for _, odd := range []struct {
		so   bool
		code Code
	}{{outside, OutsideRange}, {impossible, ImpossibleValue}, {disordered, UnorderedSamples}, {differ, DuplicateSample}} {
		if odd.so {
			f.Add(odd.code, describe(s.Labels))
		}
	}
	return all, falls(all)
}

// falls tells whether a value is smaller than the one before.
func falls(samples []series.Sample) bool {
	for i := 1; i < len(samples); i++ {
		if samples[i].V < samples[i-1].V {
			return true
		}
	}
	return false
}

func describe(ls series.Labels) string {
	text := ls.Get(nameLabel)
	for _, name := range []string{metric.LabelUUID, metric.LabelNamespace, metric.LabelPod, metric.LabelContainer, metric.LabelState} {
		if v := ls.Get(name); v != "" {
			text += " " + name + "=" + v
		}
	}
	return text
}
