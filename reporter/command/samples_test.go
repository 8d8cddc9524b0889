package command_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/command"
	"github.com/gputally/gputally/reporter/window"
)

// years are what a --from of long ago asks for.
var years = window.Window{From: instant("2000-01-01T00:00:00Z"), To: instant("2026-11-20T12:00:00Z")}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a typing error in a test
	}
	return t
}

func TestSamplesAreFoundWithFewQuestions(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	at := func(text string, last time.Duration) window.Window {
		from := instant(text + "T00:00:00Z")
		return window.Window{From: from, To: from.Add(last)}
	}
	for name, tt := range map[string]struct {
		there []window.Window
		leaf  time.Duration
		parts int // that are found, at most
		asked int // at most
	}{
		"nothing":                          {nil, day, 0, 1},
		"the last days":                    {[]window.Window{at("2026-11-10", 10*day)}, day, 24, 60},
		"one hour of long ago":             {[]window.Window{at("2003-05-06", time.Hour)}, day, 2, 40},
		"all":                              {[]window.Window{years}, 32 * day, 512, 1024},
		"a year with a hole of half a one": {[]window.Window{at("2025-11-20", 90*day), at("2026-08-20", 92*day)}, 32 * day, 20, 80},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			var parts []window.Window
			err := command.Search(years, tt.leaf, func(w window.Window) (bool, error) {
				asked++
				for _, there := range tt.there {
					if there.Overlaps(w) {
						return true, nil
					}
				}
				return false, nil
			}, func(part window.Window) bool {
				if n := len(parts); n > 0 && part.From.Before(parts[n-1].To) || part.Duration() > tt.leaf {
					t.Errorf("part %s after %v", part, parts)
				}
				parts = append(parts, part)
				return true
			})
			if err != nil || asked > tt.asked || len(parts) > tt.parts {
				t.Errorf("%d parts by %d questions, at most %d by %d; %v", len(parts), asked, tt.parts, tt.asked, err)
			}
			for _, there := range tt.there {
				for hour := range there.Hours() {
					if !covers(parts, hour) {
						t.Fatalf("hour %s is in no part of %v", hour, parts)
					}
				}
			}
		})
	}
}

func covers(parts []window.Window, hour window.Window) bool {
	for _, part := range parts {
		if part.Overlaps(hour) {
			return true
		}
	}
	return false
}

func TestASearchEndsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	always := func(window.Window) (bool, error) { return true, nil }
	found := 0
	if err := command.Search(years, time.Hour, always, func(window.Window) bool { found++; return false }); err != nil || found != 1 {
		t.Errorf("found %d, %v", found, err)
	}
	away := errors.New("away")
	never := func(window.Window) (bool, error) { return false, away }
	if err := command.Search(years, time.Hour, never, func(window.Window) bool { return true }); !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
}
