package window_test

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/window"
)

// zones are ordinary ones and those with the oddest changes of the clock.
var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham",
	"Australia/Lord_Howe", "America/Sao_Paulo", "America/St_Johns", "Pacific/Apia", "Pacific/Kwajalein",
	"Africa/Casablanca", "Antarctica/Troll", "Asia/Gaza", "Etc/GMT+5", "Asia/Tehran", "Europe/London",
}

var periods = []window.Period{window.PeriodHour, window.PeriodDay, window.PeriodWeek, window.PeriodMonth}

type drawn struct {
	period window.Period
	loc    *time.Location
	at     time.Time
}

// draw picks an instant between 1960 and 2060, every second time close to a
// change of the zone's clock.
func draw(t *rapid.T) drawn {
	loc, err := window.Zone(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	to := time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	at := time.UnixMilli(rapid.Int64Range(from, to).Draw(t, "at")).In(loc)
	if rapid.Bool().Draw(t, "near a change") {
		if _, end := at.ZoneBounds(); !end.IsZero() {
			at = end.Add(time.Duration(rapid.IntRange(-3*3600, 3*3600).Draw(t, "seconds from it")) * time.Second)
		}
	}
	return drawn{rapid.SampledFrom(periods).Draw(t, "period"), loc, at}
}

func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		w := d.period.Containing(d.at, d.loc)
		if !w.Contains(d.at) {
			t.Fatalf("%s does not contain %s", w, d.at)
		}
		for i := range 4 {
			next := d.period.Next(w, d.loc)
			if !next.From.Equal(w.To) || !next.From.Before(next.To) {
				t.Fatalf("%s is followed by %s", w, next)
			}
			if back := d.period.Previous(next, d.loc); back != w {
				t.Fatalf("step %d: before %s is %s, not %s", i, next, back, w)
			}
			for _, inside := range []time.Time{w.From, w.From.Add(w.Duration() / 3), w.To.Add(-1)} {
				if again := d.period.Containing(inside, d.loc); again != w {
					t.Fatalf("%s lies in %s and in %s", inside, w, again)
				}
			}
			w = next
		}
	})
}

// Days are whole hours, weeks and months whole days: a sum over the small ones
// is the large one.
func TestPeriodsNest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		for _, pair := range [][2]window.Period{
			{window.PeriodDay, window.PeriodHour}, {window.PeriodWeek, window.PeriodDay}, {window.PeriodMonth, window.PeriodDay},
		} {
			large := pair[0].Containing(d.at, d.loc)
			end := large.From
			for small := range pair[1].Within(large, d.loc) {
				if !small.From.Equal(end) {
					t.Fatalf("%s of %s begins at %s, not %s", pair[1], large, small.From, end)
				}
				end = small.To
			}
			if !end.Equal(large.To) {
				t.Fatalf("the last %s of %s ends at %s", pair[1], large, end)
			}
		}
	})
}

var safeKey = regexp.MustCompile(`^[0-9A-Za-z._!-]+$`)

// A period's key is safe, is its own, and is what a user may type.
func TestKeyIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		w := d.period.Containing(d.at, d.loc)
		key, next := window.Key(w, d.loc), window.Key(d.period.Next(w, d.loc), d.loc)
		sorted := key < next || d.period == window.PeriodHour && key != next
		if !safeKey.MatchString(key) || !sorted {
			t.Fatalf("keys %q and %q of neighbours", key, next)
		}
		text := regexp.MustCompile("_.*").ReplaceAllString(key, "")
		if got, err := window.Parse(text, d.at, d.loc); err != nil || got != w {
			t.Fatalf("%q is read as %s, %v; want %s", text, got, err, w)
		}
	})
}

func TestKey(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, zone, want string }{
		"a day":                        {"2026-11-20", "UTC", "2026-11-20"},
		"a day in another name of UTC": {"2026-11-20", "Etc/UTC", "2026-11-20"},
		"a day in Berlin":              {"2026-11-20", "Europe/Berlin", "2026-11-20_Europe.Berlin"},
		"a month in a zone with a +":   {"2026-11", "Etc/GMT+5", "2026-11_Etc.GMT!5"},
		"a week over the new year":     {"2027-01-01/2027-01-02", "UTC", "2027-01-01"},
		"a week":                       {"2026-12-28/2027-01-04", "UTC", "2026-W53"},
		"an hour":                      {"2026-11-20T05", "UTC", "2026-11-20T05"},
		"the second hour of its name":  {"2026-10-25T02b", "Europe/Berlin", "2026-10-25T02b_Europe.Berlin"},
		"a range":                      {"2026-11-01/2026-11-15", "Europe/Berlin", "20261031T230000Z-20261114T230000Z"},
		"a range of milliseconds":      {"2026-11-01T00:00:00.250Z/2026-11-02", "UTC", "20261101T000000.250000000Z-20261102T000000Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, tt.zone)
			w, err := window.Parse(tt.text, instant(t, "2026-11-20T05:42:00Z"), loc)
			if err != nil {
				t.Fatal(err)
			}
			if got := window.Key(w, loc); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2026-11", "2026-W47", "2026-10-25T02b", "a/b", "last-month/today"} {
		f.Add(s)
	}
	loc := zone(f, "Europe/Berlin")
	now := instant(f, "2026-11-20T05:42:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := window.Parse(text, now, loc)
		if err == nil && !w.From.Before(w.To) {
			t.Errorf("%q gives the empty window %s", text, w)
		}
	})
}
