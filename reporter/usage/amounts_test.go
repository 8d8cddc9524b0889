package usage_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// filled is a coverage with another amount in every field.
func filled(t *testing.T) usage.Coverage {
	t.Helper()
	var c usage.Coverage
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i) + 1)
	}
	return c
}

func TestEveryAmountOfACoverageIsListed(t *testing.T) {
	t.Parallel()
	c := filled(t)
	fields, v := c.Fields(), reflect.ValueOf(c)
	if len(fields) != v.NumField() {
		t.Fatalf("Fields lists %d amounts of %d", len(fields), v.NumField())
	}
	listed := map[string]int64{}
	for _, f := range fields {
		listed[f.Name] = *f.Millis
	}
	for i := range v.NumField() {
		name := strings.ToLower(v.Type().Field(i).Name)
		if got, want := listed[name], v.Field(i).Int(); got != want {
			t.Errorf("Fields has %d for %s, want %d", got, name, want)
		}
	}
}

func TestAddAddsEveryAmountOfACoverage(t *testing.T) {
	t.Parallel()
	c := filled(t)
	c.Add(filled(t))
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if got, want := v.Field(i).Int(), 2*(int64(i)+1); got != want {
			t.Errorf("%s is %d, want %d", v.Type().Field(i).Name, got, want)
		}
	}
}

func TestTheStatesOfSegmentsMakeTheSumOfTheirCoverage(t *testing.T) {
	t.Parallel()
	var sum usage.Coverage
	states := []usage.State{
		usage.Allocated, usage.Unallocated, usage.Unattributed, usage.Unavailable, usage.Uncovered, usage.Absent, "of a later version",
	}
	for i, state := range states {
		s := usage.Segment{State: state, GPUMillis: 1 << i, EstimatedMillis: 100}
		sum.Add(s.Coverage())
		if known := i < 6; state.Known() != known {
			t.Errorf("state %q: known is %t", state, !known)
		}
	}
	want := usage.Coverage{Allocated: 1, Estimated: 100, Unallocated: 2, Unattributed: 4, Unavailable: 8, Uncovered: 16, Absent: 32}
	if sum != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
	if got := sum.Sum(); got != 31 {
		t.Errorf("%d is accounted for, want 31: absent time is no part of it", got)
	}
}

func TestOverheld(t *testing.T) {
	t.Parallel()
	const hour = 3_600_000
	for sentence, c := range map[string]struct {
		holdings []usage.Holding
		want     float64
	}{
		"one holder of the whole":              {[]usage.Holding{{0, hour, 1}}, 0},
		"two halves":                           {[]usage.Holding{{0, hour, 0.5}, {0, hour, 0.5}}, 0},
		"one after the other":                  {[]usage.Holding{{0, 1000, 1}, {1000, hour, 1}}, 0},
		"an overlap within the tolerance":      {[]usage.Holding{{0, 1_005_600, 1}, {1_000_000, hour, 1}}, 0},
		"an overlap beyond the tolerance":      {[]usage.Holding{{0, 1_005_601, 1}, {1_000_000, hour, 1}}, 5601},
		"a half beside a whole, for a quarter": {[]usage.Holding{{0, hour, 1}, {0, hour / 4, 0.5}}, hour / 8},
		"three thirds that round up":           {[]usage.Holding{{0, hour, 0.333334}, {0, hour, 0.333334}, {0, hour, 0.333334}}, 0},
	} {
		if got := usage.Overheld(c.holdings, hour); got != c.want {
			t.Errorf("%s: got %v, want %v", sentence, got, c.want)
		}
	}
}

func TestCheckRefusesASegmentThatCannotBe(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	hour := window.Hour(at)
	good := usage.Segment{
		Cluster: "eu-1", State: usage.Allocated, HeldFrom: at.UnixMilli(), HeldTo: at.UnixMilli() + 1000, Share: 0.5, GPUMillis: 500,
	}
	if err := good.Check("eu-1", hour); err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		change func(*usage.Segment)
		want   string
	}{
		"of another cluster":        {func(s *usage.Segment) { s.Cluster = "us-1" }, `cluster "us-1"`},
		"begins before the window":  {func(s *usage.Segment) { s.HeldFrom-- }, "outside of"},
		"ends after the window":     {func(s *usage.Segment) { s.HeldTo += 3_600_000 }, "outside of"},
		"ends before it begins":     {func(s *usage.Segment) { s.HeldFrom = s.HeldTo + 1 }, "outside of"},
		"has a negative share":      {func(s *usage.Segment) { s.Share = -0.5 }, "is not a share"},
		"has a negative amount":     {func(s *usage.Segment) { s.EnergyMillijoules = -1 }, "negative: -1"},
		"has a negative estimation": {func(s *usage.Segment) { s.EstimatedMillis = -2 }, "negative: -2"},
	} {
		s := good
		c.change(&s)
		if err := s.Check("eu-1", hour); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", sentence, err, c.want)
		}
	}
}
