package schedule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/window"
)

const settle = 10 * time.Minute

func parse(t testing.TB, cron, zone, period string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(schedule.Definition{
		Name: "by-project", Cron: cron, TimeZone: zone, Period: period, GroupBy: []string{"project"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func keys(windows []window.Window, loc *time.Location) []string {
	var all []string
	for _, w := range windows {
		key, _, _ := strings.Cut(window.Key(w, loc), "_")
		all = append(all, key)
	}
	return all
}

func TestParse(t *testing.T) {
	t.Parallel()
	s := parse(t, "15 6 * * MON-FRI", "Europe/Berlin", "day")
	if s.Zone.String() != "Europe/Berlin" || s.Period != window.PeriodDay || !slices.Equal(s.GroupBy, []string{"project"}) {
		t.Errorf("got %+v", s)
	}
	if utc := parse(t, "@daily", "", "day"); utc.Zone != time.UTC {
		t.Errorf("without a zone: got %s, want UTC", utc.Zone)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := schedule.Definition{Name: "a", Cron: "0 6 * * *", TimeZone: "UTC", Period: "day", GroupBy: []string{"project"}}
	tests := map[string]struct {
		change      func(*schedule.Definition)
		field, want string
	}{
		"no name":                {func(d *schedule.Definition) { d.Name = "" }, "name", "is no name"},
		"a name for a path":      {func(d *schedule.Definition) { d.Name = "../a" }, "name", "is no name"},
		"a minute too many":      {func(d *schedule.Definition) { d.Cron = "60 6 * * *" }, "cron", `minute "60" of "60 6 * * *"`},
		"a month of no name":     {func(d *schedule.Definition) { d.Cron = "0 6 * FOO *" }, "cron", `month "FOO"`},
		"a weekday too many":     {func(d *schedule.Definition) { d.Cron = "0 6 * * 7" }, "cron", `day of week "7"`},
		"no cron line":           {func(d *schedule.Definition) { d.Cron = "" }, "cron", "has 0 fields"},
		"seconds":                {func(d *schedule.Definition) { d.Cron = "0 0 6 * * *" }, "cron", "has 6 fields"},
		"an unknown descriptor":  {func(d *schedule.Definition) { d.Cron = "@noon" }, "cron", "@noon"},
		"an interval":            {func(d *schedule.Definition) { d.Cron = "@every 1h" }, "cron", "counts from the start of the process"},
		"a zone in the line":     {func(d *schedule.Definition) { d.Cron = "CRON_TZ=UTC" }, "cron", "use time_zone instead"},
		"a day that never comes": {func(d *schedule.Definition) { d.Cron = "0 6 30 2 *" }, "cron", "never fires"},
		"an unknown zone":        {func(d *schedule.Definition) { d.TimeZone = "Berlin" }, "time_zone", "IANA"},
		"an unknown period":      {func(d *schedule.Definition) { d.Period = "year" }, "period", "hour, day, week, month"},
		"nothing to group by":    {func(d *schedule.Definition) { d.GroupBy = nil }, "group_by", "is required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			def := good
			tt.change(&def)
			_, err := schedule.Parse(def)
			var field *schedule.FieldError
			if !errors.As(err, &field) {
				t.Fatalf("got %v, want a FieldError", err)
			}
			if field.Field != tt.field || !strings.Contains(field.Error(), tt.want) {
				t.Errorf("got %q, want %q of %s", field, tt.want, tt.field)
			}
		})
	}
	if _, err := schedule.Parse(schedule.Definition{}); strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("an empty definition has four problems, got:\n%v", err)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cron, zone, period string
		since, done, now   string // done is a key
		want               []string
	}{
		"a first start without data has nothing to report": {
			cron: "0 6 * * *", period: "day", now: "2026-11-20T07:00:00Z",
		},
		"a first start with data reports all whole periods": {
			cron: "0 6 * * *", period: "day", since: "2026-11-16T13:00:00Z", now: "2026-11-20T07:00:00Z",
			want: []string{"2026-11-17", "2026-11-18", "2026-11-19"},
		},
		"a period waits for the cron line": {
			cron: "0 6 * * *", period: "day", since: "2026-11-16T13:00:00Z", done: "2026-11-18", now: "2026-11-20T05:59:59Z",
		},
		"a period comes when the cron line fires": {
			cron: "0 6 * * *", period: "day", since: "2026-11-16T13:00:00Z", done: "2026-11-18", now: "2026-11-20T06:00:00Z",
			want: []string{"2026-11-19"},
		},
		"a cron line at the period's end waits for the settle delay": {
			cron: "0 0 * * *", period: "day", since: "2026-11-16T13:00:00Z", done: "2026-11-18", now: "2026-11-20T00:09:59Z",
		},
		"and the period comes when the settle delay has passed": {
			cron: "0 0 * * *", period: "day", since: "2026-11-16T13:00:00Z", done: "2026-11-18", now: "2026-11-20T00:10:00Z",
			want: []string{"2026-11-19"},
		},
		"what is done does not come back": {
			cron: "0 6 * * *", period: "day", since: "2026-11-16T13:00:00Z", done: "2026-11-19", now: "2026-11-20T23:00:00Z",
		},
		"days that a weekly line holds back come together": {
			cron: "0 6 * * MON", period: "day", since: "2026-11-01T00:00:00Z", done: "2026-11-20", now: "2026-11-23T06:00:00Z",
			want: []string{"2026-11-21", "2026-11-22"},
		},
		"a downtime of a month is made up for": {
			cron: "0 6 * * MON", period: "week", since: "2026-01-01T00:00:00Z", done: "2026-W42", now: "2026-11-20T07:00:00Z",
			want: []string{"2026-W43", "2026-W44", "2026-W45", "2026-W46"},
		},
		"a month": {
			cron: "0 6 1 * *", period: "month", since: "2026-08-15T00:00:00Z", now: "2026-11-20T07:00:00Z",
			want: []string{"2026-09", "2026-10"},
		},
		"a day ends at the midnight of its zone": {
			cron: "0 0 * * *", zone: "America/New_York", period: "day", since: "2026-11-18T05:00:00Z", now: "2026-11-20T05:10:00Z",
			want: []string{"2026-11-18", "2026-11-19"},
		},
		"a day of 23 hours": {
			cron: "15 0 * * *", zone: "Europe/Berlin", period: "day", since: "2026-03-27T23:00:00Z", now: "2026-03-29T22:15:00Z",
			want: []string{"2026-03-28", "2026-03-29"},
		},
		"a day of 25 hours is not over after 24": {
			cron: "15 0 * * *", zone: "Europe/Berlin", period: "day", since: "2026-10-23T22:00:00Z", now: "2026-10-25T22:15:00Z",
			want: []string{"2026-10-24"},
		},
		"a day of 25 hours": {
			cron: "15 0 * * *", zone: "Europe/Berlin", period: "day", since: "2026-10-23T22:00:00Z", now: "2026-10-25T23:15:00Z",
			want: []string{"2026-10-24", "2026-10-25"},
		},
		"a line in the hour that the clock skips fires after the skip": {
			cron: "30 2 * * *", zone: "Europe/Berlin", period: "day", since: "2026-03-27T23:00:00Z", now: "2026-03-29T01:00:00Z",
			want: []string{"2026-03-28"},
		},
		"and not before": {
			cron: "30 2 * * *", zone: "Europe/Berlin", period: "day", since: "2026-03-27T23:00:00Z", now: "2026-03-29T00:59:59Z",
		},
		"a line in the hour that comes twice fires in the first": {
			cron: "30 2 * * *", zone: "Europe/Berlin", period: "day", since: "2026-10-23T22:00:00Z", now: "2026-10-25T00:30:00Z",
			want: []string{"2026-10-24"},
		},
		"both hours of one name": {
			cron: "@hourly", zone: "Europe/Berlin", period: "hour", since: "2026-10-24T23:00:00Z", now: "2026-10-25T02:10:00Z",
			want: []string{"2026-10-25T01", "2026-10-25T02", "2026-10-25T02b"},
		},
		"a clock that is behind reports nothing": {
			cron: "0 6 * * *", period: "day", since: "2026-11-16T13:00:00Z", done: "2026-11-19", now: "2026-11-01T00:00:00Z",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, tt.cron, tt.zone, tt.period)
			var since time.Time
			if tt.since != "" {
				since = instant(t, tt.since)
			}
			now := instant(t, tt.now)
			var done window.Window
			if tt.done != "" {
				var err error
				if done, err = window.Parse(tt.done, now, s.Zone); err != nil {
					t.Fatal(err)
				}
			}
			got := keys(schedule.Due(s, through(since, done), now, settle, since), s.Zone)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// through is what covers all periods up to the last one that is done, the zero
// Window if none is.
func through(since time.Time, last window.Window) []window.Window {
	if last.To.IsZero() {
		return nil
	}
	return []window.Window{{From: since, To: last.To}}
}

// Whatever was done in between, what was not done is due.
func TestDueStandsAlone(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		zone, period string
		done         []string
		doneIn       *time.Location // UTC if nil
		want         []string
	}{
		"nothing is done":                        {period: "day", want: []string{"2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"}},
		"the first is not done":                  {period: "day", done: []string{"2026-11-18", "2026-11-16", "2026-11-17"}, want: []string{"2026-11-15"}},
		"one in the middle is not done":          {period: "day", done: []string{"2026-11-15", "2026-11-18", "2026-11-16"}, want: []string{"2026-11-17"}},
		"two apart are not done":                 {period: "day", done: []string{"2026-11-16", "2026-11-18"}, want: []string{"2026-11-15", "2026-11-17"}},
		"all are done":                           {period: "day", done: []string{"2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"}},
		"all were done before the zone changed":  {zone: "Europe/Berlin", period: "day", done: []string{"2026-11-14", "2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"}},
		"one was not before the zone changed":    {zone: "Europe/Berlin", period: "day", done: []string{"2026-11-14", "2026-11-15", "2026-11-16", "2026-11-18"}, want: []string{"2026-11-17", "2026-11-18"}},
		"weeks were done before it made days":    {zone: "Europe/Berlin", period: "day", doneIn: berlin, done: []string{"2026-W46"}, want: []string{"2026-11-16", "2026-11-17", "2026-11-18"}},
		"one report is twice there":              {period: "day", done: []string{"2026-11-15", "2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"}},
		"reports of before the data don't count": {period: "day", done: []string{"2026-11-01"}, want: []string{"2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, "0 6 * * *", tt.zone, tt.period)
			now, since := instant(t, "2026-11-19T07:00:00Z"), instant(t, "2026-11-14T13:00:00Z")
			var done []window.Window
			for _, key := range tt.done {
				in := time.UTC
				if tt.doneIn != nil {
					in = tt.doneIn
				}
				w, err := window.Parse(key, now, in)
				if err != nil {
					t.Fatal(err)
				}
				done = append(done, w)
			}
			got := keys(schedule.Due(s, done, now, settle, since), s.Zone)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDueOfAScheduleThatChangedItsZone(t *testing.T) {
	t.Parallel()
	s := parse(t, "0 6 * * *", "Europe/Berlin", "day")
	inUTC := window.PeriodDay.Containing(instant(t, "2026-11-18T12:00:00Z"), time.UTC)
	since := instant(t, "2026-11-01T00:00:00Z")
	due := schedule.Due(s, through(since, inUTC), instant(t, "2026-11-20T12:00:00Z"), settle, since)
	if len(due) != 1 || due[0].From.After(inUTC.To) {
		t.Errorf("after %s is due %v, which leaves a gap", inUTC, due)
	}
}

func TestDueIsBounded(t *testing.T) {
	t.Parallel()
	s := parse(t, "@hourly", "UTC", "hour")
	since, now := instant(t, "2024-01-01T00:00:00Z"), instant(t, "2026-01-01T00:10:00Z")
	var done window.Window
	total := 0
	for rounds := 0; ; rounds++ {
		due := schedule.Due(s, through(since, done), now, settle, since)
		if len(due) > 1000 || rounds > 18 {
			t.Fatalf("round %d has %d periods", rounds, len(due))
		}
		if len(due) == 0 {
			break
		}
		total, done = total+len(due), due[len(due)-1]
	}
	if want := (366 + 365) * 24; total != want {
		t.Errorf("%d hours in all, want %d", total, want)
	}
}

// However often and whenever the loop runs, the periods that it makes are the
// same: each once, in order, without a gap.
func TestDueDoesNotDependOnWhenItIsAsked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := parse(t,
			rapid.SampledFrom([]string{"0 6 * * *", "30 2 * * *", "@hourly", "0 0 * * MON", "15 1 1 * *", "59 23 29 2 *"}).Draw(rt, "cron"),
			rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"}).Draw(rt, "zone"),
			rapid.SampledFrom([]string{"day", "week", "month"}).Draw(rt, "period"))
		since := time.Date(2011, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 8*8760).Draw(rt, "since")) * time.Hour)
		now := since
		var done window.Window
		var made []window.Window
		for range rapid.IntRange(1, 12).Draw(rt, "rounds") {
			now = now.Add(time.Duration(rapid.IntRange(1, 90*24*60).Draw(rt, "minutes")) * time.Minute)
			due := schedule.Due(s, through(since, done), now, settle, since)
			made = append(made, due...)
			if len(due) > 0 {
				done = due[len(due)-1]
			}
			next := s.Next(now, settle)
			if !next.After(now) {
				rt.Fatalf("the next time after %s is %s", now, next)
			}
			if early := schedule.Due(s, through(since, done), next.Add(-time.Nanosecond), settle, since); len(early) != 0 {
				rt.Fatalf("%v is due before %s", early, next)
			}
		}
		if all := schedule.Due(s, nil, now, settle, since); !slices.Equal(all, made) {
			rt.Fatalf("at once %v, step by step %v", all, made)
		}
		for i, w := range made {
			if i > 0 && w.From != made[i-1].To {
				rt.Fatalf("%s follows %s", w, made[i-1])
			}
		}
	})
}

func TestNext(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ cron, zone, period, now, want string }{
		"the cron line":               {"0 6 * * *", "UTC", "day", "2026-11-20T05:00:00Z", "2026-11-20T06:00:00Z"},
		"strictly later":              {"0 6 * * *", "UTC", "day", "2026-11-20T06:00:00Z", "2026-11-21T06:00:00Z"},
		"the settle delay":            {"0 0 * * *", "UTC", "day", "2026-11-20T00:00:00Z", "2026-11-20T00:10:00Z"},
		"only when something is over": {"* * * * *", "UTC", "month", "2026-11-20T00:00:00Z", "2026-12-01T00:10:00Z"},
		"a leap day":                  {"0 6 29 2 *", "UTC", "month", "2026-11-20T00:00:00Z", "2028-02-29T06:00:00Z"},
		"no leap day in 2100":         {"0 6 29 2 *", "UTC", "month", "2097-01-01T00:00:00Z", "2104-02-29T06:00:00Z"},
		"after a skip of the clock":   {"30 2 * * *", "Europe/Berlin", "day", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, tt.cron, tt.zone, tt.period).Next(instant(t, tt.now), settle)
			if got.Format(time.RFC3339) != tt.want {
				t.Errorf("got %s, want %s", got.Format(time.RFC3339), tt.want)
			}
		})
	}
}

func TestHoursDue(t *testing.T) {
	t.Parallel()
	from, now := instant(t, "2026-11-20T02:30:00Z"), instant(t, "2026-11-20T06:09:59Z")
	closed := func(w window.Window) bool { return w.From.Hour() == 3 }
	got := keys(schedule.HoursDue(closed, from, now, settle), time.UTC)
	if diff := cmp.Diff([]string{"2026-11-20T02", "2026-11-20T04"}, got); diff != "" {
		t.Errorf("a hole is filled and the unsettled hour waits (-want +got):\n%s", diff)
	}
	got = keys(schedule.HoursDue(closed, from, now.Add(time.Second), settle), time.UTC)
	if want := "2026-11-20T05"; len(got) != 3 || got[2] != want {
		t.Errorf("got %v, want %s as the last", got, want)
	}
	if got := schedule.HoursDue(closed, time.Time{}, now, settle); got != nil {
		t.Errorf("without data: got %v", got)
	}
	if got := schedule.HoursDue(closed, now, from, settle); got != nil {
		t.Errorf("with data from the future: got %v", got)
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	id := schedule.ID("by-project", "2026-11", "1")
	if id != schedule.ID("by-project", "2026-11", "1") || len(id) != 16 {
		t.Errorf("got %s", id)
	}
	for _, other := range []string{
		schedule.ID("by-pool", "2026-11", "1"), schedule.ID("by-project", "2026-12", "1"),
		schedule.ID("by-project", "2026-11", "2"), schedule.ID("by-projec", "t2026-11", "1"),
	} {
		if other == id {
			t.Error("another report has the same id")
		}
	}
}
