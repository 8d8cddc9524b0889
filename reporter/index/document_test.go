package index_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/window"
)

func TestAnObjectThatDoesNotParse(t *testing.T) {
	t.Parallel()
	b := empty()
	x := index.New(b, index.Config{Clock: clock})
	for _, text := range []string{"2026-11-20T05:00:00Z", "2026-11-20T06:00:00Z"} {
		putHour(t, x, hourRecord("prod", hourAt(t, text), 1))
	}
	whole := read(t, b, hoursKey)
	lines := strings.SplitAfter(whole, "\n")
	swap := func(old, with string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%q is not in the object", old)
		}
		return strings.Replace(whole, old, with, 1)
	}
	tests := map[string]struct {
		text string
		want string
	}{
		"empty":                         {"", "EOF"},
		"cut short":                     {whole[:len(whole)/2], "unexpected EOF"},
		"a page of a proxy":             {"<html>", "invalid character '<'"},
		"more behind it":                {whole + "{}", "there is more behind the document"},
		"a number as text":              {swap(`"rows":17`, `"rows":"17"`), "records.rows: is a string"},
		"a missing field":               {swap(`,"rows":17`, ``), "records[0].rows: is missing"},
		"a missing part of a coverage":  {swap(`"uncovered_ms":0`, `"idle_ms":0`), "records[0].coverage.uncovered_ms: is missing"},
		"a coverage without a part":     {swap(`,"uncovered_ms":0`, ``), "records[0].coverage.uncovered_ms: is missing"},
		"a missing token":               {swap(`"token":`, `"Token":`), "token: is missing, or not as"},
		"no version":                    {swap(`,"version":1`, ``), "version: is 0, not 1"},
		"a revision of 0":               {swap(`"revision":1`, `"revision":0`), "records[0].revision: is 0"},
		"a time that is none":           {swap(`"from":"2026-11-20T05:00:00Z"`, `"from":"yesterday"`), "yesterday"},
		"an hour of another zone":       {swap(`"from":"2026-11-20T05:00:00Z"`, `"from":"2026-11-20T06:00:00+01:00"`), "records[0].from"},
		"an hour of another month":      {strings.ReplaceAll(whole, "2026-11", "2026-10"), "records[0].cluster: hour 2026-10-20T05:00:00Z"},
		"an hour of another cluster":    {strings.ReplaceAll(whole, "prod", "edge"), `records[0].cluster: hour 2026-11-20T05:00:00Z of cluster "edge"`},
		"a key that is not the hour's":  {swap("hour=05", "hour=06"), "records[0].key: is"},
		"hours in another order":        {lines[0] + strings.TrimSuffix(lines[2], "\n") + ",\n" + strings.Replace(lines[1], ",\n", "\n", 1) + lines[3], "records[1]: is out of order"},
		"an hour twice":                 {lines[0] + lines[1] + lines[1] + lines[2] + lines[3], "records[1]: is out of order"},
		"a checksum that can't be":      {swap("abab", "xyxy"), "records[0].sha256"},
		"a negative number of segments": {swap(`"rows":17`, `"rows":-17`), "records[0].rows"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			x := index.New(b, index.Config{})
			overwrite(t, b, hoursKey, tt.text)
			_, read := x.Hours(context.Background(), "prod", window.Window{From: at(t, "2026-11-01T00:00:00Z"), To: at(t, "2026-12-01T00:00:00Z")})
			_, _, last := x.LastHour(context.Background(), "prod")
			put := x.PutHour(context.Background(), hourRecord("prod", hourAt(t, "2026-11-20T07:00:00Z"), 1))
			for what, err := range map[string]error{"Hours": read, "LastHour": last, "PutHour": put} {
				var wrong *index.RecordError
				if !errors.As(err, &wrong) || wrong.Key != hoursKey {
					t.Fatalf("%s: got %v", what, err)
				}
				for _, part := range []string{hoursKey, tt.want, "gputally-reporter index rebuild"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %q lacks %q", what, err, part)
					}
				}
			}
			if got := keys(t, b, ""); len(got) != 1 {
				t.Errorf("there is %q", got)
			}
		})
	}
}

func TestAnObjectOfALaterVersionIsNotTouched(t *testing.T) {
	t.Parallel()
	b := empty()
	later := `{"hours":{},"version":2}`
	overwrite(t, b, hoursKey, later)
	x := index.New(b, index.Config{})
	for what, err := range map[string]error{
		"PutHour": x.PutHour(context.Background(), hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1)),
		"Rebuild": x.Rebuild(context.Background(), books{}),
	} {
		var wrong *index.VersionError
		if !errors.As(err, &wrong) || wrong.Key != hoursKey || wrong.Version != 2 {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if got := read(t, b, hoursKey); got != later {
		t.Errorf("the object is now %s", got)
	}
}

func TestAStrayObjectInTheIndexIsNamed(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"index/hours/cluster=prod/2026-13.json", "index/hours/cluster=prod/2026-11.json.bak", "index/hours/prod.json"} {
		b := empty()
		overwrite(t, b, key, "{}")
		x := index.New(b, index.Config{})
		_, clusters := x.Clusters(context.Background())
		if clusters == nil || !strings.Contains(clusters.Error(), key) {
			t.Errorf("%s: got %v", key, clusters)
		}
	}
}
