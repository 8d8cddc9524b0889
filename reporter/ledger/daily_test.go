package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const dayKey = "ledger/daily/cluster=prod/date=2026-11-20/usage.parquet"

// theDay is the day of these tests.
func theDay(t testing.TB) window.Window {
	t.Helper()
	return window.Window{From: at(t, "2026-11-20T00:00:00Z"), To: at(t, "2026-11-21T00:00:00Z")}
}

// dated is a bucket whose clock is set.
type dated struct {
	*mem.Bucket
	now time.Time
}

func newDated(t testing.TB) *dated {
	t.Helper()
	d := &dated{now: at(t, "2026-11-22T00:00:00Z")}
	d.Bucket = mem.New(func() time.Time { return d.now })
	return d
}

// closeDay closes all hours of the day but some. The hour at five is empty.
func closeDay(t testing.TB, b bucket.Bucket, but ...int) {
	t.Helper()
	for hour := range theDay(t).Hours() {
		if slices.Contains(but, hour.From.Hour()) {
			continue
		}
		h := smallHour(hour)
		if hour.From.Hour() == 5 {
			h.Segments, h.Findings = nil, nil
		}
		h.Coverage.Residue = int64(hour.From.Hour())
		put(t, b, h)
	}
}

func compact(t testing.TB, b bucket.Bucket) ledger.DayEntry {
	t.Helper()
	entry, err := ledger.New(b, ledger.Config{Version: "1.2.3"}).Compact(context.Background(), "prod", theDay(t), ledger.Compaction{})
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func remove(t testing.TB, b bucket.Bucket, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := b.Delete(context.Background(), key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
}

// reading is all that a ledger says of the day.
type reading struct {
	Hours    []usage.Hour
	Entries  []ledger.Entry
	Segments []usage.Segment
	Listed   []window.Window
	Missing  []window.Window
}

func readDay(t testing.TB, b bucket.Bucket) reading {
	t.Helper()
	l, ctx := ledger.New(b, ledger.Config{}), context.Background()
	var r reading
	var err error
	if r.Missing, err = l.Missing(ctx, "prod", theDay(t)); err != nil {
		t.Fatal(err)
	}
	for o, err := range l.List(ctx, "prod", theDay(t)) {
		if err != nil {
			t.Fatal(err)
		}
		r.Listed = append(r.Listed, o.Window)
		h, entry, err := l.Hour(ctx, "prod", o.Window)
		if err != nil {
			t.Fatal(err)
		}
		if stat, err := l.Stat(ctx, "prod", o.Window); err != nil || stat != entry || entry.Daily != o.Daily {
			t.Fatalf("Stat: %+v, %v; want %+v", stat, err, entry)
		}
		entry.ETag, entry.Daily = "", false
		r.Hours, r.Entries = append(r.Hours, h), append(r.Entries, entry)
	}
	if len(r.Missing) == 0 {
		if r.Segments, err = collect(l, theDay(t)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestTheDailyTableReadsAsTheHoursDid(t *testing.T) {
	t.Parallel()
	b := empty()
	closeDay(t, b)
	large := randomHour(hourAt(t, "2026-11-20T06:00:00Z"), 17_000)
	put(t, b, large)
	want := readDay(t, b)
	entry := compact(t, b)
	if entry.Hours != 24 || !entry.Written || entry.Key != dayKey || entry.Rows != 22*2+17_000 || len(entry.Missing) != 0 {
		t.Errorf("entry is %+v", entry)
	}
	for _, step := range []struct {
		name string
		gone []int
	}{
		{"all hours have objects of their own", nil},
		{"some have", []int{0, 5, 6, 7, 23}},
		{"none has", []int{1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22}},
	} {
		for _, hour := range step.gone {
			remove(t, b, fmt.Sprintf("ledger/hourly/cluster=prod/date=2026-11-20/hour=%02d/usage.parquet", hour))
		}
		if got := readDay(t, b); !reflect.DeepEqual(want, got) { // cmp takes seconds for so many rows
			t.Errorf("%s: (-hours +day):\n%s", step.name, cmp.Diff(want, got))
		}
	}
	if left := keys(t, b, "ledger/hourly/"); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

func TestNoRowGroupOfADaySpansHours(t *testing.T) {
	t.Parallel()
	b := empty()
	closeDay(t, b)
	put(t, b, randomHour(hourAt(t, "2026-11-20T06:00:00Z"), 17_000))
	compact(t, b)
	data := read(t, b, dayKey)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var rows []int64
	for _, group := range file.RowGroups() {
		rows = append(rows, group.NumRows())
	}
	want := slices.Concat(slices.Repeat([]int64{2}, 5), []int64{16384, 17_000 - 16384}, slices.Repeat([]int64{2}, 17))
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows of the groups (-want +got):\n%s", diff)
	}
}

func TestCompactingAgain(t *testing.T) {
	t.Parallel()
	five := hourAt(t, "2026-11-20T05:00:00Z")
	tests := map[string]struct {
		happen  func(t *testing.T, b bucket.Bucket)
		written bool
	}{
		"with the same hours": {func(*testing.T, bucket.Bucket) {}, false},
		"with an hour restated": {func(t *testing.T, b bucket.Bucket) {
			h := smallHour(five)
			h.Source = "dcgm"
			put(t, b, h)
		}, true},
		"with an hour that only the day has": {func(t *testing.T, b bucket.Bucket) { remove(t, b, hourKey) }, false},
		"with a damaged day": {func(t *testing.T, b bucket.Bucket) {
			overwrite(t, b, dayKey, flip(read(t, b, dayKey), 1000))
		}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			closeDay(t, b)
			first := compact(t, b)
			tt.happen(t, b)
			want := readDay(t, b)
			second := compact(t, b)
			if second.Written != tt.written {
				t.Errorf("written: %v", second.Written)
			}
			if second.Written = true; !tt.written && cmp.Diff(first, second) != "" {
				t.Errorf("entry (-first +second):\n%s", cmp.Diff(first, second))
			}
			for _, key := range keys(t, b, "ledger/hourly/") {
				remove(t, b, key)
			}
			if diff := cmp.Diff(want, readDay(t, b)); diff != "" {
				t.Errorf("(-hours +day):\n%s", diff)
			}
		})
	}
}

func TestTheSameDayIsTheSameBytes(t *testing.T) {
	t.Parallel()
	first, second := empty(), empty()
	closeDay(t, first)
	closeDay(t, second)
	compact(t, first)
	compact(t, second)
	if !bytes.Equal(read(t, first, dayKey), read(t, second, dayKey)) {
		t.Error("the same hours gave other bytes")
	}
}

func TestADayWithHoursThatAreNotClosed(t *testing.T) {
	t.Parallel()
	b := empty()
	closeDay(t, b, 3, 4)
	l, ctx := ledger.New(b, ledger.Config{}), context.Background()
	want := []window.Window{hourAt(t, "2026-11-20T03:00:00Z"), hourAt(t, "2026-11-20T04:00:00Z")}

	_, err := l.Compact(ctx, "prod", theDay(t), ledger.Compaction{})
	var missing *ledger.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(want, missing.Hours); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	before := readDay(t, b)
	entry, err := l.Compact(ctx, "prod", theDay(t), ledger.Compaction{Partial: true})
	if err != nil || entry.Hours != 22 {
		t.Fatalf("partial: %+v, %v", entry, err)
	}
	if diff := cmp.Diff(want, entry.Missing); diff != "" {
		t.Errorf("missing of the entry (-want +got):\n%s", diff)
	}
	for _, key := range keys(t, b, "ledger/hourly/") {
		remove(t, b, key)
	}
	if diff := cmp.Diff(before, readDay(t, b)); diff != "" {
		t.Errorf("(-hours +day):\n%s", diff)
	}
	closeDay(t, b, 0, 1, 2)
	if entry := compact(t, b); entry.Hours != 24 || !entry.Written {
		t.Errorf("once they are closed: %+v", entry)
	}
	if _, err := l.Compact(ctx, "other", theDay(t), ledger.Compaction{Partial: true}); !errors.Is(err, ledger.ErrHourMissing) {
		t.Errorf("a cluster without hours: %v", err)
	}
	for _, w := range []window.Window{hourAt(t, "2026-11-20T03:00:00Z"), {From: theDay(t).From, To: theDay(t).To.Add(time.Hour)}} {
		if _, err := l.Compact(ctx, "prod", w, ledger.Compaction{Partial: true}); err == nil || !strings.Contains(err.Error(), "is not one day of UTC") {
			t.Errorf("%s: got %v", w, err)
		}
	}
}

func TestRestatingAnHourThatOnlyTheDayHas(t *testing.T) {
	t.Parallel()
	b := empty()
	hour := hourAt(t, "2026-11-20T07:00:00Z")
	key := ledger.Key("prod", hour)
	closeDay(t, b)
	h := smallHour(hour)
	h.Source = "dcgm"
	if got := put(t, b, h).Revision; got != 2 {
		t.Fatalf("revision %d", got)
	}
	own := read(t, b, key)
	compact(t, b)
	for _, k := range keys(t, b, "ledger/hourly/") {
		remove(t, b, k)
	}

	if got := put(t, b, h); got.Revision != 2 || !got.Daily || len(keys(t, b, "ledger/hourly/")) != 0 {
		t.Errorf("the same hour again: %+v", got)
	}
	h.Source = "requests"
	if got := put(t, b, h); got.Revision != 3 || got.Daily {
		t.Errorf("restated: %+v", got)
	}
	if !bytes.Equal(own, read(t, b, "ledger/history/cluster=prod/date=2026-11-20/hour=07/revision=2/usage.parquet")) {
		t.Error("the history does not hold the object that the hour had")
	}
	if got, _, err := ledger.New(b, ledger.Config{}).Hour(context.Background(), "prod", hour); err != nil || got.Source != "requests" {
		t.Errorf("source %s, %v", got.Source, err)
	}
	if entry := compact(t, b); !entry.Written || entry.Hours != 24 {
		t.Errorf("compacted again: %+v", entry)
	}
}

func TestADamagedDay(t *testing.T) {
	t.Parallel()
	b := empty()
	closeDay(t, b)
	compact(t, b)
	seven, eight := hourAt(t, "2026-11-20T07:00:00Z"), hourAt(t, "2026-11-20T08:00:00Z")
	remove(t, b, ledger.Key("prod", seven))
	whole := read(t, b, dayKey)
	other := empty()
	closeDay(t, other, 23)
	if _, err := ledger.New(other, ledger.Config{}).Compact(context.Background(), "prod", theDay(t), ledger.Compaction{Partial: true}); err != nil {
		t.Fatal(err)
	}
	sum := bytes.LastIndex(whole, []byte(`"sha256":"`)) + len(`"sha256":"`)
	swap := func(old, new string) []byte {
		changed := bytes.Replace(whole, []byte(old), []byte(new), 1)
		if bytes.Equal(changed, whole) {
			t.Fatalf("%q is not in the object", old)
		}
		return reseal(t, changed)
	}
	tests := map[string]struct {
		data []byte
		want string
	}{
		"cut short":                       {whole[:len(whole)/3], "it has no seal"},
		"one bit is another":              {flip(whole, len(whole)/2), "its content has changed"},
		"rows of an hour are more":        {swap(`"rows":2,`, `"rows":3,`), "row groups don't end where its 3 rows do"},
		"rows of the last hour are less":  {reseal(t, replaceLast(whole, `"rows":2,`, `"rows":0,`)), "there are rows of no hour"},
		"an hour twice":                   {swap(`"gputally.from":"2026-11-20T07:00:00Z"`, `"gputally.from":"2026-11-20T08:00:00Z"`), "is not one hour of UTC"},
		"an hour of another cluster":      {swap(`"gputally.cluster":"prod"`, `"gputally.cluster":"brod"`), "of cluster brod"},
		"an hour that it lacks":           {reseal(t, bytes.Replace(read(t, other, dayKey), []byte(`["2026-11-20T23:00:00Z"]`), []byte(`["2026-11-20T22:00:00Z"]`), 1)), "footer gputally.missing"},
		"an hour's SHA-256 is none":       {reseal(t, slices.Concat(whole[:sum], []byte("zz"), whole[sum+2:])), `has sha256 "zz`},
		"a table of an hour":              {read(t, b, ledger.Key("prod", eight)), "footer lacks gputally.hours"},
		"another day":                     {swap("gputally.from\x18\x142026-11-20", "gputally.from\x18\x142026-11-19"), "is 2026-11-20T00:00:00Z/2026-11-20T01:00:00Z of cluster prod"},
		"hours that are no JSON":          {swap(`[{"footer"`, `({"footer"`), "footer gputally.hours"},
		"a coverage in words":             {swap(`"gputally.expected_ms":"3600000"`, `"gputally.expected_ms":"36ooooo"`), `parsing "36ooooo"`},
		"revision of an hour is negative": {swap(`"gputally.revision":"1"`, `"gputally.revision":"0"`), "footer gputally.revision is 0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := empty()
			for _, key := range keys(t, b, "") {
				overwrite(t, store, key, read(t, b, key))
			}
			overwrite(t, store, dayKey, tt.data)
			l, ctx := ledger.New(store, ledger.Config{}), context.Background()
			if _, err := l.Stat(ctx, "prod", eight); err != nil {
				t.Errorf("an hour with an object of its own: %v", err)
			}
			_, err := l.Stat(ctx, "prod", seven)
			var corrupt *ledger.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Key != dayKey || corrupt.Hour != seven {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{tt.want, dayKey, "gputally-reporter ledger compact"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if missing, err := l.Missing(ctx, "prod", theDay(t)); err != nil || len(missing) > 0 {
				t.Errorf("an hour that can't be read counts as open: %v, %v", missing, err)
			}
			if _, err := l.Compact(ctx, "prod", theDay(t), ledger.Compaction{}); !errors.As(err, &corrupt) {
				t.Errorf("Compact: %v", err)
			}
			// Restating the hour and compacting mends it.
			if got := put(t, store, smallHour(seven)).Revision; got != 2 {
				t.Errorf("revision %d", got)
			}
			compact(t, store)
			if left := keys(t, store, "ledger/history/cluster=prod/date=2026-11-20/"); len(left) != 1 || !bytes.Equal(read(t, store, left[0]), tt.data) {
				t.Errorf("what was left of the day is not in %q", left)
			}
		})
	}
}

func replaceLast(data []byte, old, new string) []byte {
	at := bytes.LastIndex(data, []byte(old))
	return slices.Concat(data[:at], []byte(new), data[at+len(old):])
}

func TestEveryChangedByteOfADayIsFound(t *testing.T) {
	t.Parallel()
	b := empty()
	put(t, b, smallHour(hourAt(t, "2026-11-20T05:00:00Z")))
	if _, err := ledger.New(b, ledger.Config{}).Compact(context.Background(), "prod", theDay(t), ledger.Compaction{Partial: true}); err != nil {
		t.Fatal(err)
	}
	remove(t, b, hourKey)
	whole := read(t, b, dayKey)
	l := ledger.New(b, ledger.Config{})
	for at := range whole {
		for what, data := range map[string][]byte{"changed": flip(whole, at), "cut": whole[:at]} {
			if what == "cut" && at%16 > 0 {
				continue
			}
			overwrite(t, b, dayKey, data)
			if _, err := l.Stat(context.Background(), "prod", hourAt(t, "2026-11-20T05:00:00Z")); !errors.As(err, new(*ledger.CorruptError)) {
				t.Errorf("%s at byte %d of %d: got %v", what, at, len(whole), err)
			}
		}
	}
}

func TestDaysThatAreDue(t *testing.T) {
	t.Parallel()
	b := newDated(t)
	l, ctx := ledger.New(b, ledger.Config{}), context.Background()
	week := window.Window{From: at(t, "2026-11-16T00:00:00Z"), To: at(t, "2026-11-23T00:00:00Z")}
	due := func() int {
		t.Helper()
		days, err := l.Due(ctx, "prod", week)
		if err != nil {
			t.Fatal(err)
		}
		if len(days) > 0 && days[0] != theDay(t) {
			t.Fatalf("due are %v", days)
		}
		return len(days)
	}
	closeDay(t, b)
	if due() != 1 {
		t.Error("a day that was never compacted is not due")
	}
	b.now = b.now.Add(time.Minute)
	compact(t, b)
	if due() != 0 {
		t.Error("a compacted day is due")
	}
	b.now = b.now.Add(time.Minute)
	put(t, b, smallHour(hourAt(t, "2026-11-20T06:00:00Z")))
	if due() != 1 {
		t.Error("a day with a restated hour is not due")
	}
	week.To = theDay(t).To.Add(-time.Hour)
	if due() != 0 {
		t.Error("a day that is not wholly in the window is due")
	}
}

// An hour that is restated while its day is made must not stay out of it.
func TestAnHourRestatedWhileItsDayIsMade(t *testing.T) {
	t.Parallel()
	store := newDated(t)
	closeDay(t, store)
	late := smallHour(hourAt(t, "2026-11-20T00:00:00Z"))
	late.Source = "dcgm"
	b := &racingDay{Bucket: store, act: func() { store.now = store.now.Add(time.Second); put(t, store, late) }}
	if _, err := ledger.New(b, ledger.Config{}).Compact(context.Background(), "prod", theDay(t), ledger.Compaction{}); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(t, store, "ledger/hourly/") {
		remove(t, store, key)
	}
	got, entry, err := ledger.New(store, ledger.Config{}).Hour(context.Background(), "prod", late.Window)
	if err != nil || got.Source != "dcgm" || entry.Revision != 2 {
		t.Errorf("the day has revision %d, %v", entry.Revision, err)
	}
}
