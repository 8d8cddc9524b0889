package window_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/window"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := window.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNew(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 6, 30, 0, 0, time.FixedZone("", 3600))
	w, err := window.New(at, at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := w.String(), "2026-11-20T05:30:00Z/2026-11-20T06:30:00Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !w.Contains(w.From) || w.Contains(w.To) {
		t.Error("a window contains its first instant and not its last")
	}
	var hours []string
	for h := range w.Hours() {
		hours = append(hours, h.From.Format(time.RFC3339))
	}
	if diff := cmp.Diff([]string{"2026-11-20T05:00:00Z", "2026-11-20T06:00:00Z"}, hours); diff != "" {
		t.Errorf("hours that overlap (-want +got):\n%s", diff)
	}
	for _, to := range []time.Time{at, at.Add(-time.Second)} {
		if _, err := window.New(at, to); err == nil {
			t.Errorf("a window from %s to %s was accepted", at, to)
		}
	}
}

func TestContaining(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		period window.Period
		zone   string
		at     string
		want   string
	}{
		"a day in UTC": {window.PeriodDay, "UTC", "2026-11-20T05:30:00Z", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"},
		"the first instant of a day belongs to it":         {window.PeriodDay, "UTC", "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"},
		"the last instant of a day belongs to it":          {window.PeriodDay, "UTC", "2026-11-20T23:59:59.999Z", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"},
		"a day of 23 hours in spring":                      {window.PeriodDay, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z/2026-03-29T22:00:00Z"},
		"a day of 25 hours in autumn":                      {window.PeriodDay, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z/2026-10-25T23:00:00Z"},
		"a day that begins at half past in UTC":            {window.PeriodDay, "Asia/Kolkata", "2026-11-20T05:30:00Z", "2026-11-19T18:30:00Z/2026-11-20T18:30:00Z"},
		"a day of 24.5 hours":                              {window.PeriodDay, "Australia/Lord_Howe", "2026-04-05T02:00:00Z", "2026-04-04T13:00:00Z/2026-04-05T13:30:00Z"},
		"a day whose midnight the clock skips":             {window.PeriodDay, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z/2018-11-05T02:00:00Z"},
		"a day whose last hour comes twice":                {window.PeriodDay, "America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z/2018-02-18T03:00:00Z"},
		"the day after one that the zone leaves out":       {window.PeriodDay, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z/2011-12-31T10:00:00Z"},
		"the day before one that the zone leaves out":      {window.PeriodDay, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z/2011-12-30T10:00:00Z"},
		"the last day of a leap year":                      {window.PeriodDay, "Europe/Berlin", "2052-12-31T12:00:00Z", "2052-12-30T23:00:00Z/2052-12-31T23:00:00Z"},
		"its last hour":                                    {window.PeriodHour, "Europe/Berlin", "2028-12-31T22:30:00Z", "2028-12-31T22:00:00Z/2028-12-31T23:00:00Z"},
		"the last day of a leap year in the south":         {window.PeriodDay, "Pacific/Chatham", "2052-12-31T12:00:00Z", "2052-12-31T10:15:00Z/2053-01-01T10:15:00Z"},
		"a week begins on Monday":                          {window.PeriodWeek, "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z/2026-11-23T00:00:00Z"},
		"a week over the new year":                         {window.PeriodWeek, "UTC", "2027-01-01T00:00:00Z", "2026-12-28T00:00:00Z/2027-01-04T00:00:00Z"},
		"a week with a change of clocks":                   {window.PeriodWeek, "America/New_York", "2026-03-08T12:00:00Z", "2026-03-02T05:00:00Z/2026-03-09T04:00:00Z"},
		"a month of 28 days":                               {window.PeriodMonth, "UTC", "2026-02-28T23:00:00Z", "2026-02-01T00:00:00Z/2026-03-01T00:00:00Z"},
		"a month of a leap year":                           {window.PeriodMonth, "UTC", "2028-02-29T23:00:00Z", "2028-02-01T00:00:00Z/2028-03-01T00:00:00Z"},
		"a month that begins in winter and ends in summer": {window.PeriodMonth, "Europe/Berlin", "2026-03-01T00:00:00Z", "2026-02-28T23:00:00Z/2026-03-31T22:00:00Z"},
		"an hour in UTC":                                   {window.PeriodHour, "UTC", "2026-11-20T05:30:00Z", "2026-11-20T05:00:00Z/2026-11-20T06:00:00Z"},
		"an hour of a half-hour zone":                      {window.PeriodHour, "Asia/Kolkata", "2026-11-20T05:30:00Z", "2026-11-20T05:30:00Z/2026-11-20T06:30:00Z"},
		"an hour cut by a change of half an hour":          {window.PeriodHour, "Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z/2026-04-04T15:30:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.period.Containing(instant(t, tt.at), zone(t, tt.zone))
			if got.String() != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got.From.Location() != time.UTC || got.To.Location() != time.UTC {
				t.Error("the window is not in UTC")
			}
		})
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	w := window.Window{From: instant(t, "2026-10-23T22:00:00Z"), To: instant(t, "2026-10-26T22:59:59Z")}
	var got []string
	for d := range window.PeriodDay.Within(w, berlin) {
		got = append(got, window.Key(d, berlin)+" "+d.Duration().String())
	}
	want := []string{"2026-10-24_Europe.Berlin 24h0m0s", "2026-10-25_Europe.Berlin 25h0m0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(slices.Collect(window.PeriodMonth.Within(w, berlin))); n != 0 {
		t.Errorf("%d months within three days", n)
	}
	if n := len(slices.Collect(window.PeriodDay.Within(window.Window{}, berlin))); n != 0 {
		t.Errorf("%d days within nothing", n)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	w := window.Hour(instant(t, "2026-11-20T05:00:00Z"))
	if window.Closed(w, w.To.Add(10*time.Minute-1), 10*time.Minute) {
		t.Error("closed before the settle delay has passed")
	}
	if !window.Closed(w, w.To.Add(10*time.Minute), 10*time.Minute) {
		t.Error("open though the settle delay has passed")
	}
}

func TestParsePeriod(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hour", "day", "week", "month"} {
		var p window.Period
		if err := p.UnmarshalText([]byte(name)); err != nil || p.String() != name {
			t.Errorf("%q is read as %v, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "Day", "year"} {
		if _, err := window.ParsePeriod(name); err == nil || !strings.Contains(err.Error(), "use one of hour, day, week, month") {
			t.Errorf("%q: got error %v", name, err)
		}
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "Europe/Atlantis", "../etc/passwd"} {
		if _, err := window.Zone(name); err == nil || !strings.Contains(err.Error(), "IANA") {
			t.Errorf("%q: got error %v", name, err)
		}
	}
}

func TestWhatTwoWindowsHaveInCommon(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return time.Date(2026, 11, 20, hour, 0, 0, 0, time.UTC) }
	six := window.Window{From: at(6), To: at(9)}
	for name, c := range map[string]struct{ from, to, wantFrom, wantTo int }{
		"the same":                      {6, 9, 6, 9},
		"one inside the other":          {7, 8, 7, 8},
		"one around the other":          {5, 10, 6, 9},
		"the first part":                {5, 7, 6, 7},
		"the last part":                 {8, 10, 8, 9},
		"one that ends where it begins": {5, 6, 0, 0},
		"one that begins where it ends": {9, 10, 0, 0},
		"one long before":               {1, 2, 0, 0},
		"an empty one inside":           {7, 7, 0, 0},
	} {
		o := window.Window{From: at(c.from), To: at(c.to)}
		common, ok := six.Intersect(o)
		if want := (window.Window{From: at(c.wantFrom), To: at(c.wantTo)}); c.wantTo > 0 && common != want || ok != (c.wantTo > 0) {
			t.Errorf("%s: got %s, %t, want %s", name, common, ok, want)
		}
		if back, same := o.Intersect(six); back != common || same != ok {
			t.Errorf("%s: the other way round it is %s, %t", name, back, same)
		}
		if c.from < c.to && (six.Overlaps(o) != ok || o.Overlaps(six) != ok) {
			t.Errorf("%s: Overlaps says %t, Intersect %t", name, six.Overlaps(o), ok)
		}
	}
}

func TestASpanHasAllOfBothWindows(t *testing.T) {
	t.Parallel()
	at := func(from, to int) window.Window {
		day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		return window.Window{From: day.Add(time.Duration(from) * time.Hour), To: day.Add(time.Duration(to) * time.Hour)}
	}
	six := at(6, 12)
	for sentence, c := range map[string]struct{ other, want window.Window }{
		"one that begins earlier":            {at(3, 9), at(3, 12)},
		"one that ends later":                {at(9, 15), at(6, 15)},
		"one inside":                         {at(7, 8), six},
		"one around":                         {at(1, 23), at(1, 23)},
		"one far away, with what is between": {at(20, 22), at(6, 22)},
		"itself":                             {six, six},
	} {
		if got := six.Span(c.other); got != c.want {
			t.Errorf("%s: %s, want %s", sentence, got, c.want)
		}
		if got := c.other.Span(six); got != c.want {
			t.Errorf("%s, the other way: %s, want %s", sentence, got, c.want)
		}
	}
}
