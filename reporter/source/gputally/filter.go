package gputally

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/usage"
)

// sampleFilter leaves out samples that cannot be.
type sampleFilter struct {
	from, to   int64 // what was asked for, both included, Unix ms
	room       []series.Sample
	impossible bool // samples of the latest series cannot be
}

// apply returns the samples that the collector can have meant, in the order of
// time: no family of it has other than finite values from zero on. fell says
// that a value is smaller than the one before. The samples are valid until the
// next call, or as long as the series.
func (sf *sampleFilter) apply(s series.Series, most float64, notes usage.Notes) (samples []series.Sample, fell bool) {
	sf.impossible = false
	last := series.Sample{T: sf.from - 1}
	for _, p := range s.Samples {
		if !(p.V >= 0 && p.V <= most) || p.T <= last.T || p.T > sf.to { // not so for NaN
			return sf.pick(s, most, notes)
		}
		fell = fell || p.V < last.V
		last = p
	}
	return s.Samples, fell
}

// pick is apply for a series with something that cannot be.
func (sf *sampleFilter) pick(s series.Series, most float64, notes usage.Notes) ([]series.Sample, bool) {
	all := sf.room[:0]
	var outside bool
	for _, p := range s.Samples {
		switch {
		case p.T < sf.from || p.T > sf.to:
			outside = true
		case !(p.V >= 0 && p.V <= most):
			sf.impossible = true
		default:
			all = append(all, p)
		}
	}
	sf.room = all
	byTime := func(a, b series.Sample) int { return cmp.Compare(a.T, b.T) }
	disordered := !slices.IsSortedFunc(all, byTime)
	all, differ := merge(all)
	for _, odd := range []struct {
		so   bool
		code usage.Code
	}{{outside, usage.OutsideRange}, {sf.impossible, usage.ImpossibleValue}, {disordered, usage.UnorderedSamples}, {differ, usage.DuplicateSample}} {
		if odd.so {
			notes.Add(odd.code, describe(s.Labels))
		}
	}
	return all, falls(all)
}

// falls says whether a value is smaller than the one before.
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
