package window_test

import (
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/window"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const now = "2026-11-20T05:42:00Z"
	tests := map[string]struct {
		text, zone, want string
	}{
		"a day":                                {"2026-11-20", "UTC", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"},
		"a day in a zone":                      {"2026-11-20", "Europe/Berlin", "2026-11-19T23:00:00Z/2026-11-20T23:00:00Z"},
		"a month":                              {"2026-11", "UTC", "2026-11-01T00:00:00Z/2026-12-01T00:00:00Z"},
		"a week":                               {"2026-W47", "UTC", "2026-11-16T00:00:00Z/2026-11-23T00:00:00Z"},
		"week 1 begins in the old year":        {"2025-W01", "UTC", "2024-12-30T00:00:00Z/2025-01-06T00:00:00Z"},
		"week 53":                              {"2026-W53", "UTC", "2026-12-28T00:00:00Z/2027-01-04T00:00:00Z"},
		"an hour":                              {"2026-11-20T05", "UTC", "2026-11-20T05:00:00Z/2026-11-20T06:00:00Z"},
		"an hour that comes twice, first":      {"2026-10-25T02", "Europe/Berlin", "2026-10-25T00:00:00Z/2026-10-25T01:00:00Z"},
		"an hour that comes twice, second":     {"2026-10-25T02b", "Europe/Berlin", "2026-10-25T01:00:00Z/2026-10-25T02:00:00Z"},
		"the second of two hours come twice":   {"2026-10-25T02b", "Antarctica/Troll", "2026-10-25T02:00:00Z/2026-10-25T03:00:00Z"},
		"the second hour a whole day later":    {"1867-10-18T16b", "America/Juneau", "1867-10-19T00:57:41Z/1867-10-19T01:57:41Z"},
		"a range of days without its end":      {"2026-11-01/2026-11-15", "UTC", "2026-11-01T00:00:00Z/2026-11-15T00:00:00Z"},
		"a range of months":                    {"2026-10/2027-01", "UTC", "2026-10-01T00:00:00Z/2027-01-01T00:00:00Z"},
		"a range from a day to now":            {"2026-11-01/2026-11-20T05:30:00Z", "UTC", "2026-11-01T00:00:00Z/2026-11-20T05:30:00Z"},
		"instants with zones of their own":     {"2026-11-20T05:30:00Z/2026-11-20T08:00:00.5+01:00", "Asia/Tokyo", "2026-11-20T05:30:00Z/2026-11-20T07:00:00Z"},
		"today":                                {"today", "UTC", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"},
		"today where it is still yesterday":    {"today", "America/Los_Angeles", "2026-11-19T08:00:00Z/2026-11-20T08:00:00Z"},
		"yesterday":                            {"yesterday", "UTC", "2026-11-19T00:00:00Z/2026-11-20T00:00:00Z"},
		"last hour":                            {"last-hour", "UTC", "2026-11-20T04:00:00Z/2026-11-20T05:00:00Z"},
		"this week":                            {"this-week", "UTC", "2026-11-16T00:00:00Z/2026-11-23T00:00:00Z"},
		"last month with a change of clocks":   {"last-month", "Europe/Berlin", "2026-09-30T22:00:00Z/2026-10-31T23:00:00Z"},
		"a range seen from now":                {"last-month/today", "UTC", "2026-10-01T00:00:00Z/2026-11-20T00:00:00Z"},
		"a day that begins after its midnight": {"2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z/2018-11-05T02:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := window.Parse(tt.text, instant(t, now), zone(t, tt.zone))
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, zone, want string
	}{
		"nothing":                        {"", "UTC", "cannot read period"},
		"a year":                         {"2026", "UTC", "cannot read period"},
		"a day of a month without it":    {"2026-02-29", "UTC", "cannot read period"},
		"week 0":                         {"2026-W00", "UTC", "cannot read period"},
		"week 53 of a year of 52":        {"2025-W53", "UTC", "cannot read period"},
		"a signed week":                  {"2026-W+1", "UTC", "cannot read period"},
		"an unknown word":                {"next-month", "UTC", "cannot read period"},
		"an hour that the clock skips":   {"2026-03-29T02", "Europe/Berlin", "does not exist in Europe/Berlin"},
		"a second hour that is none":     {"2026-11-20T02b", "Europe/Berlin", "does not exist in Europe/Berlin"},
		"a day that the zone leaves out": {"2011-12-30", "Pacific/Apia", "does not exist in Pacific/Apia"},
		"a reversed range":               {"2026-11-15/2026-11-01", "UTC", "from must be before to"},
		"an empty range":                 {"2026-11-15/2026-11-15", "UTC", "from must be before to"},
		"a range without an end":         {"2026-11-15/", "UTC", "cannot read period"},
		"three ends":                     {"2026-11-01/2026-11-02/2026-11-03", "UTC", "cannot read period"},
		"an end finer than a ms":         {"2026-11-01T00:00:00.0001Z/2026-11-02", "UTC", "finer than a millisecond"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := window.Parse(tt.text, instant(t, "2026-11-20T05:42:00Z"), zone(t, tt.zone))
			if err == nil {
				t.Fatalf("accepted as %s", got)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
		})
	}
}
