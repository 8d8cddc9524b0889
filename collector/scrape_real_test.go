//go:build real

package collector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gputally/gputally/collector/metric"
)

// scrape is what /metrics showed of the catalogue, at some time between before
// and after.
type scrape struct {
	before, after time.Time
	values        map[string]float64 // by key
}

// key names a series: its family and its label values in the family's order.
func key(f *metric.Family, labels ...string) string {
	return f.Name + "{" + strings.Join(labels, ",") + "}"
}

func (p *process) scrape() (scrape, error) {
	s := scrape{before: time.Now(), values: map[string]float64{}}
	body, err := p.get("/metrics")
	if err != nil {
		return s, err
	}
	s.after = time.Now()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		return s, err
	}
	for _, f := range metric.Families() {
		for _, m := range families[f.Name].GetMetric() {
			byName := map[string]string{}
			for _, l := range m.GetLabel() {
				byName[l.GetName()] = l.GetValue()
			}
			labels := make([]string, len(f.Labels))
			for i, name := range f.Labels {
				labels[i] = byName[name]
			}
			s.values[key(f, labels...)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return s, nil
}

// until scrapes until a condition holds and returns that scrape.
func (p *process) until(t *testing.T, what string, condition func(scrape) bool) scrape {
	t.Helper()
	var s scrape
	p.eventually(t, what, func() bool {
		var err error
		if s, err = p.scrape(); err != nil {
			t.Fatal(err)
		}
		return condition(s)
	})
	return s
}

// later scrapes until the meter has polled some times more than it had in s.
func (p *process) later(t *testing.T, s scrape, polls float64) scrape {
	t.Helper()
	want := s.values[key(&metric.CollectorPolls)] + polls
	return p.until(t, "the meter polls", func(now scrape) bool {
		return now.values[key(&metric.CollectorPolls)] >= want
	})
}

// is tells whether a series is there and has the value.
func (s scrape) is(want float64, f *metric.Family, labels ...string) bool {
	v, ok := s.values[key(f, labels...)]
	return ok && v == want
}

// has tells whether a series is there.
func (s scrape) has(f *metric.Family, labels ...string) bool {
	_, ok := s.values[key(f, labels...)]
	return ok
}

// get returns the value of a series that must be there.
func (s scrape) get(t *testing.T, f *metric.Family, labels ...string) float64 {
	t.Helper()
	v, ok := s.values[key(f, labels...)]
	if !ok {
		t.Errorf("there is no %s", key(f, labels...))
	}
	return v
}

// seconds is the sum of a GPU's states and of what was not observed.
func (s scrape) seconds(t *testing.T, uuid string) float64 {
	t.Helper()
	sum := s.get(t, &metric.CollectorUnobservedSeconds)
	for _, state := range metric.States() {
		sum += s.get(t, &metric.DeviceSeconds, uuid, state)
	}
	return sum
}

// conserved expects that between two scrapes a GPU's states grew by the time
// between their polls. When the poll was made follows from the poll's age; the
// time of the scrape is known as far as the answer was under way.
func conserved(t *testing.T, a, b scrape, uuid string) {
	t.Helper()
	const rounding = 1e-3 // s
	age := func(s scrape) float64 { return s.get(t, &metric.CollectorPollAge) }
	ages := age(a) - age(b)
	least := b.before.Sub(a.after).Seconds() + ages - rounding
	most := b.after.Sub(a.before).Seconds() + ages + rounding
	if grown := b.seconds(t, uuid) - a.seconds(t, uuid); grown < least || grown > most {
		t.Errorf("the states of %s grew by %f s while %f to %f s passed", uuid, grown, least, most)
	}
}
