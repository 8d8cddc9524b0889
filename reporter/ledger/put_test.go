package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const (
	hourKey    = "ledger/hourly/cluster=prod/date=2026-11-20/hour=05/usage.parquet"
	historyKey = "ledger/history/cluster=prod/date=2026-11-20/hour=05/revision=1/usage.parquet"
)

func put(t testing.TB, b bucket.Bucket, h usage.Hour) ledger.Entry {
	t.Helper()
	entry, err := ledger.New(b, ledger.Config{Version: "1.2.3"}).Put(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func TestAClosedHourIsReadAsItWasPut(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	entry := put(t, b, h)

	got, stat, err := ledger.New(b, ledger.Config{}).Hour(context.Background(), "prod", h.Window)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("hour (-put +read):\n%s", diff)
	}
	if diff := cmp.Diff(entry, stat); diff != "" {
		t.Errorf("entry (-put +read):\n%s", diff)
	}
	if entry.Key != hourKey || entry.Revision != 1 || entry.Rows != 2 || entry.Findings != 1 || entry.Size == 0 || len(entry.SHA256) != 64 {
		t.Errorf("entry is %+v", entry)
	}
	if diff := cmp.Diff([]string{hourKey}, keys(t, b, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestAnEmptyHourCanBeClosed(t *testing.T) {
	t.Parallel()
	b := empty()
	h := usage.Hour{Cluster: "prod", Window: hourAt(t, "2026-11-20T05:00:00Z")}
	put(t, b, h)
	got, _, err := ledger.New(b, ledger.Config{}).Hour(context.Background(), "prod", h.Window)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Errorf("(-put +read):\n%s", diff)
	}
}

func TestTheSameHourIsTheSameBytes(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	h := randomHour(hour, 20_000)
	shuffled := h
	shuffled.Segments = slices.Clone(h.Segments)
	slices.Reverse(shuffled.Segments)

	first, second := empty(), empty()
	put(t, first, h)
	put(t, second, shuffled)
	if !bytes.Equal(read(t, first, hourKey), read(t, second, hourKey)) {
		t.Error("the same segments in another order gave other bytes")
	}
	if !slices.IsSortedFunc(shuffled.Segments, func(a, b usage.Segment) int { return -usage.Compare(a, b) }) {
		t.Error("Put reordered the caller's segments")
	}
}

func TestRestating(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	tests := map[string]struct {
		change   func(h *usage.Hour)
		revision int
	}{
		"what is there writes nothing":      {func(*usage.Hour) {}, 1},
		"another quantity":                  {func(h *usage.Hour) { h.Segments[0].EnergyMillijoules++ }, 2},
		"one row less":                      {func(h *usage.Hour) { h.Segments = h.Segments[:1] }, 2},
		"one row more":                      {func(h *usage.Hour) { h.Segments = append(h.Segments, held(hour, "zzz", 0, time.Minute)) }, 2},
		"no rows":                           {func(h *usage.Hour) { h.Segments = nil }, 2},
		"another coverage":                  {func(h *usage.Hour) { h.Coverage.Residue = 0 }, 2},
		"another source":                    {func(h *usage.Hour) { h.Source = "dcgm" }, 2},
		"another road":                      {func(h *usage.Hour) { h.Road = "export" }, 1},
		"other findings":                    {func(h *usage.Hour) { h.Findings = nil }, 2},
		"the same rows, in no order at all": {func(h *usage.Hour) { slices.Reverse(h.Segments) }, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			first := put(t, b, smallHour(hour))
			old := read(t, b, hourKey)
			restated := smallHour(hour)
			tt.change(&restated)
			second := put(t, b, restated)
			if second.Revision != tt.revision {
				t.Fatalf("revision %d, want %d", second.Revision, tt.revision)
			}
			if tt.revision == 1 {
				if diff := cmp.Diff(first, second); diff != "" {
					t.Errorf("entry (-first +second):\n%s", diff)
				}
				if diff := cmp.Diff([]string{hourKey}, keys(t, b, "")); diff != "" {
					t.Errorf("objects (-want +got):\n%s", diff)
				}
				return
			}
			if diff := cmp.Diff([]string{historyKey, hourKey}, keys(t, b, "")); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if !bytes.Equal(old, read(t, b, historyKey)) {
				t.Error("the history does not hold the replaced bytes")
			}
			if stat, err := ledger.New(b, ledger.Config{}).Stat(context.Background(), "prod", hour); err != nil || stat != second {
				t.Errorf("Stat: %+v, %v; want %+v", stat, err, second)
			}
		})
	}
}

func TestAnotherVersionOfTheProgramRestatesNothing(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	first := put(t, b, h)
	second, err := ledger.New(b, ledger.Config{Version: "9.9.9"}).Put(context.Background(), h)
	if err != nil || second != first {
		t.Errorf("got %+v, %v; want %+v", second, err, first)
	}
}

func TestRevisionsOfADeletedHourGoOn(t *testing.T) {
	t.Parallel()
	b := empty()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	h := smallHour(hour)
	for i := range 3 {
		h.Coverage.Residue = int64(i)
		put(t, b, h)
	}
	if err := b.Delete(context.Background(), hourKey, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if got := put(t, b, smallHour(hour)); got.Revision != 3 {
		t.Errorf("revision %d after a history of 2", got.Revision)
	}
}

// racing runs act once, before the first write to an hourly object.
type racing struct {
	bucket.Bucket
	act func()
}

func (r *racing) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if act := r.act; act != nil && strings.HasPrefix(key, "ledger/hourly/") {
		r.act = nil
		act()
	}
	return r.Bucket.Put(ctx, key, body, size, cond)
}

// racingDay runs act once, before the first write to the daily table.
type racingDay struct {
	bucket.Bucket
	act func()
}

func (r *racingDay) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if act := r.act; act != nil && strings.HasPrefix(key, "ledger/daily/") {
		r.act = nil
		act()
	}
	return r.Bucket.Put(ctx, key, body, size, cond)
}

func TestASecondWriter(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	ours := smallHour(hour)
	theirs := smallHour(hour)
	theirs.Source = "dcgm"
	before := smallHour(hour)
	before.Source = "requests"
	tests := map[string]struct {
		before   *usage.Hour
		theirs   usage.Hour
		conflict bool
		revision int // of what is there in the end
	}{
		"closes the hour with other content":        {nil, theirs, true, 1},
		"closes the hour with the same content":     {nil, ours, false, 1},
		"restates the hour with other content":      {&before, theirs, true, 2},
		"restates the hour with the same content":   {&before, ours, false, 2},
		"lost nothing when it restates what is old": {&before, before, false, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			if tt.before != nil {
				put(t, b, *tt.before)
			}
			l := ledger.New(&racing{b, func() { put(t, b, tt.theirs) }}, ledger.Config{})
			entry, err := l.Put(context.Background(), ours)

			var conflict *ledger.ConflictError
			if tt.conflict {
				if !errors.As(err, &conflict) || !errors.Is(err, bucket.ErrConflict) || conflict.Key != hourKey {
					t.Fatalf("got %+v, %v; want a conflict", entry, err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			stat, err := l.Stat(context.Background(), "prod", hour)
			if err != nil || stat.Revision != tt.revision {
				t.Errorf("in the end: revision %d, %v; want %d", stat.Revision, err, tt.revision)
			}
			if !tt.conflict && stat != entry {
				t.Errorf("got %+v, there is %+v", entry, stat)
			}
		})
	}
}

func TestACrashBetweenTheCopyAndTheCommitIsRepaired(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	put(t, b, h)
	overwrite(t, b, historyKey, read(t, b, hourKey))
	h.Source = "dcgm"
	if got := put(t, b, h); got.Revision != 2 {
		t.Errorf("revision %d, want 2", got.Revision)
	}
}

func TestADifferentCopyInTheHistoryIsNotLost(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	put(t, b, h)
	overwrite(t, b, historyKey, []byte("something else"))
	h.Source = "dcgm"
	_, err := ledger.New(b, ledger.Config{}).Put(context.Background(), h)
	if err == nil || !strings.Contains(err.Error(), historyKey) {
		t.Fatalf("got %v", err)
	}
	if got := string(read(t, b, historyKey)); got != "something else" {
		t.Errorf("the history is now %q", got)
	}
}

func TestHoursThatAreNotFitToBeKept(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	tests := map[string]struct {
		change func(h *usage.Hour)
		want   string
	}{
		"a cluster with a slash":          {func(h *usage.Hour) { h.Cluster = "a/b" }, `cluster "a/b"`},
		"no cluster":                      {func(h *usage.Hour) { h.Cluster = "" }, `cluster ""`},
		"half an hour":                    {func(h *usage.Hour) { h.Window.To = h.Window.To.Add(-30 * time.Minute) }, "not one hour of UTC"},
		"two hours":                       {func(h *usage.Hour) { h.Window.To = h.Window.To.Add(time.Hour) }, "not one hour of UTC"},
		"an hour at half past":            {func(h *usage.Hour) { h.Window.From = h.Window.From.Add(30 * time.Minute) }, "not one hour of UTC"},
		"a segment of another cluster":    {func(h *usage.Hour) { h.Segments[1].Cluster = "other" }, `segment 1 (GPU GPU-1, pod team/two): is of cluster "other"`},
		"a segment that begins too early": {func(h *usage.Hour) { h.Segments[0].HeldFrom-- }, "outside of"},
		"a segment that ends too late":    {func(h *usage.Hour) { h.Segments[1].HeldTo++ }, "outside of"},
		"a segment that ends first":       {func(h *usage.Hour) { h.Segments[0].HeldTo = h.Segments[0].HeldFrom - 1 }, "outside of"},
		"a share that is no number":       {func(h *usage.Hour) { h.Segments[0].Share = math.NaN() }, "share NaN"},
		"a negative share":                {func(h *usage.Hour) { h.Segments[0].Share = -0.5 }, "share -0.5"},
		"a negative amount":               {func(h *usage.Hour) { h.Segments[1].EnergyMillijoules = -1 }, "an amount is negative: -1"},
		"an endless share":                {func(h *usage.Hour) { h.Segments[0].Share = math.Inf(1) }, "share +Inf"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			h := smallHour(hour)
			tt.change(&h)
			_, err := ledger.New(b, ledger.Config{}).Put(context.Background(), h)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
			if left := keys(t, b, ""); len(left) != 0 {
				t.Errorf("it wrote %q", left)
			}
		})
	}
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"prod", "eu-west-1.prod", "A_1", strings.Repeat("x", 128)} {
		if err := ledger.CheckCluster(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "-a", "a/b", "a b", "a=b", "a%2Fb", "ä", "a\n", strings.Repeat("x", 129)} {
		if err := ledger.CheckCluster(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}

func TestTheBucketsErrorsComeThrough(t *testing.T) {
	t.Parallel()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	l := ledger.New(denied{}, ledger.Config{})
	if _, err := l.Put(context.Background(), h); !errors.Is(err, bucket.ErrDenied) {
		t.Errorf("Put: %v", err)
	}
	if _, err := l.Stat(context.Background(), "prod", h.Window); !errors.Is(err, bucket.ErrDenied) {
		t.Errorf("Stat: %v", err)
	}
	w := window.Window{From: h.Window.From, To: h.Window.To}
	if _, err := l.Missing(context.Background(), "prod", w); !errors.Is(err, bucket.ErrDenied) {
		t.Errorf("Missing: %v", err)
	}
}
