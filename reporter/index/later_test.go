package index_test

import (
	compare "cmp"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/window"
)

// later writes fields of a later version into the object of November.
func later(t *testing.T, b bucket.Bucket, swaps ...string) string {
	t.Helper()
	text := strings.NewReplacer(swaps...).Replace(read(t, b, hoursKey))
	overwrite(t, b, hoursKey, text)
	return text
}

// Two versions keep one index: what the later one has written besides is there
// after the earlier one has added an hour.
func TestFieldsOfALaterVersionArePassedOverAndKept(t *testing.T) {
	t.Parallel()
	five, six, seven := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z"), hourAt(t, "2026-11-20T07:00:00Z")
	november := window.Window{From: at(t, "2026-11-01T00:00:00Z"), To: at(t, "2026-12-01T00:00:00Z")}
	b := empty()
	x := index.New(b, index.Config{Clock: clock})
	putHour(t, x, hourRecord("prod", five, 1))
	putHour(t, x, hourRecord("prod", six, 1))
	known, err := x.Hours(t.Context(), "prod", november)
	if err != nil {
		t.Fatal(err)
	}
	const document = `{"colours":{"records":[],"a":[1, 2]},"records":[`
	text := later(t, b, `{"records":[`, document, `"absent_ms":0,`, `"absent_ms":0,"borrowed_ms":7,`,
		`"cluster":"prod","coverage"`, `"cluster":"prod","columns":"<3>","coverage"`, `"version":1`, `"version":1,"written_by":{"pod":"b"}`)
	if n := strings.Count(text, "borrowed_ms"); n != 2 {
		t.Fatalf("the object is %s", text)
	}

	earlier := index.New(b, index.Config{Clock: clock})
	got, err := earlier.Hours(t.Context(), "prod", november)
	if diff := cmp.Diff(known, got); err != nil || diff != "" {
		t.Errorf("%v (-known +read)\n%s", err, diff)
	}
	for n := range 2 { // the second begins with what the first has written
		putHour(t, earlier, hourRecord("prod", hourAt(t, seven.From.Add(time.Duration(n)*time.Hour).Format(time.RFC3339)), 1))
	}
	now := read(t, b, hoursKey)
	for part, times := range map[string]int{document: 1, `"borrowed_ms":7`: 2, `"columns":"\u003c3\u003e"`: 2, `"version":1,"written_by":{"pod":"b"}}`: 1, "\n{": 4} {
		if strings.Count(now, part) != times {
			t.Errorf("%q is there %d times, want %d:\n%s", part, strings.Count(now, part), times, now)
		}
	}
	if got, err = index.New(b, index.Config{}).Hours(t.Context(), "prod", november); err != nil || len(got) != 4 {
		t.Errorf("%d hours, %v", len(got), err)
	}

	// What was said of an object goes with the object.
	putHour(t, earlier, hourRecord("prod", five, 2))
	if now := read(t, b, hoursKey); strings.Count(now, "borrowed_ms") != 1 || !strings.Contains(now, "colours") {
		t.Errorf("after an hour was restated:\n%s", now)
	}
	if err := earlier.ForgetHours(t.Context(), "prod", []window.Window{six}); err != nil {
		t.Fatal(err)
	}
	if now := read(t, b, hoursKey); strings.Contains(now, "borrowed_ms") || !strings.Contains(now, "colours") {
		t.Errorf("after the other was forgotten:\n%s", now)
	}
}

func TestWhatALaterVersionChangedOfKnownFieldsIsAnError(t *testing.T) {
	t.Parallel()
	b := empty()
	x := index.New(b, index.Config{})
	putHour(t, x, hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1))
	later(t, b, `"rows":17`, `"columns":3`)
	_, _, err := x.LastHour(t.Context(), "prod")
	if wrong := (*index.RecordError)(nil); !errors.As(err, &wrong) || wrong.Field != "records[0].rows" {
		t.Errorf("got %v", err)
	}
}

// mark is a record of a collection of others.
type mark struct {
	Name  string `json:"name"`
	Times int    `json:"times"`
}

func TestACollectionKeepsFieldsOfALaterVersion(t *testing.T) {
	t.Parallel()
	b := empty()
	c := index.NewCollection(b, index.Config{}, func(string, mark) (string, error) { return "", nil }, func(a, b mark) int { return compare.Compare(a.Name, b.Name) })
	overwrite(t, b, "index/marks/x.json", `{"records":[{"name":"a","new":{"deep":true},"times":1}],"token":"t","version":1,"zone":"UTC"}`)
	err := c.Update(t.Context(), "index/marks/x.json", func(old []mark) ([]mark, error) { return append(old[:1:1], mark{"b", 2}), nil })
	if err != nil {
		t.Fatal(err)
	}
	now := read(t, b, "index/marks/x.json")
	for _, part := range []string{`{"name":"a","new":{"deep":true},"times":1}`, `{"name":"b","times":2}`, `"zone":"UTC"`} {
		if !strings.Contains(now, part) {
			t.Errorf("it lacks %s: %s", part, now)
		}
	}
}
