package index_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func putHour(t testing.TB, x *index.Index, r index.HourRecord) {
	t.Helper()
	if err := x.PutHour(context.Background(), r); err != nil {
		t.Fatal(err)
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	x := index.New(empty(), index.Config{})
	var all []index.HourRecord
	for _, text := range []string{"2026-10-31T22:00:00Z", "2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z", "2026-11-05T00:00:00Z", "2027-01-01T00:00:00Z"} {
		all = append(all, hourRecord("prod", hourAt(t, text), 1))
	}
	for _, i := range rand.Perm(len(all)) {
		putHour(t, x, all[i])
	}
	other := hourRecord("edge", hourAt(t, "2026-11-01T00:00:00Z"), 1)
	putHour(t, x, other)

	tests := map[string]struct {
		from, to string
		want     []index.HourRecord
	}{
		"all":                      {"0001-01-01T00:00:00Z", "2100-01-01T00:00:00Z", all},
		"a month":                  {"2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", all[2:4]},
		"over the end of a month":  {"2026-10-31T23:00:00Z", "2026-11-01T01:00:00Z", all[1:3]},
		"a part of an hour":        {"2026-10-31T23:30:00Z", "2026-10-31T23:31:00Z", all[1:2]},
		"the end is not contained": {"2026-10-31T22:30:00Z", "2026-10-31T23:00:00Z", all[:1]},
		"a month without hours":    {"2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := x.Hours(context.Background(), "prod", window.Window{From: at(t, tt.from), To: at(t, tt.to)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for since, want := range map[string][]index.HourRecord{
		"0001-01-01T00:00:00Z": all,
		"2026-10-31T23:00:00Z": all[1:],
		"2026-10-31T23:59:59Z": all[1:],
		"2026-11-01T01:00:00Z": all[3:],
		"2026-12-15T00:00:00Z": all[4:],
		"2027-01-01T01:00:00Z": all[4:], // the last before
		"2030-01-01T00:00:00Z": all[4:],
	} {
		got, err := x.Latest(context.Background(), "prod", at(t, since))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("since %s: %v (-want +got)\n%s", since, err, diff)
		}
	}
	if got, err := x.Latest(context.Background(), "nowhere", at(t, "2026-10-31T23:00:00Z")); err != nil || len(got) > 0 {
		t.Errorf("latest of nowhere: %+v, %v", got, err)
	}
	if last, ok, err := x.LastHour(context.Background(), "prod"); err != nil || !ok || last != all[4] {
		t.Errorf("last hour of prod: %+v, %v, %v", last, ok, err)
	}
	if first, ok, err := x.FirstHour(context.Background(), "prod"); err != nil || !ok || first != all[0] {
		t.Errorf("first hour of prod: %+v, %v, %v", first, ok, err)
	}
	if first, ok, err := x.FirstHour(context.Background(), "nowhere"); err != nil || ok {
		t.Errorf("first hour of nowhere: %+v, %v, %v", first, ok, err)
	}
	for _, tt := range []struct {
		clusters []string
		want     index.HourRecord
		found    bool
	}{
		{[]string{"edge", "prod", "nowhere"}, all[0], true},
		{[]string{"edge"}, other, true},
		{[]string{"nowhere"}, index.HourRecord{}, false},
		{nil, index.HourRecord{}, false},
	} {
		if first, ok, err := x.FirstOf(context.Background(), tt.clusters); err != nil || ok != tt.found || first != tt.want {
			t.Errorf("first hour of %q: %+v, %v, %v", tt.clusters, first, ok, err)
		}
	}
	if last, ok, err := x.LastHour(context.Background(), "edge"); err != nil || !ok || last != other {
		t.Errorf("last hour of edge: %+v, %v, %v", last, ok, err)
	}
	if last, ok, err := x.LastHour(context.Background(), "nowhere"); err != nil || ok {
		t.Errorf("last hour of nowhere: %+v, %v, %v", last, ok, err)
	}
	clusters, err := x.Clusters(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"edge", "prod"}, clusters); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

func TestAnHourNeverGoesBackToALowerRevision(t *testing.T) {
	t.Parallel()
	x := index.New(empty(), index.Config{})
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	for _, revision := range []int{1, 3, 2} {
		putHour(t, x, hourRecord("prod", hour, revision))
	}
	if got, _, err := x.LastHour(context.Background(), "prod"); err != nil || got.Revision != 3 {
		t.Errorf("revision %d, %v; want 3", got.Revision, err)
	}
}

func TestRecordsThatAreNotFitForTheIndex(t *testing.T) {
	t.Parallel()
	b := empty()
	x := index.New(b, index.Config{})
	hour := hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1)
	tests := map[string]struct {
		put  func() error
		want string
	}{
		"an hour of no cluster":    {changed(x.PutHour, hour, func(h *index.HourRecord) { h.Cluster = "a/b" }), `cluster "a/b"`},
		"half an hour":             {changed(x.PutHour, hour, func(h *index.HourRecord) { h.To = h.To.Add(-time.Minute) }), "not one hour"},
		"an hour without revision": {changed(x.PutHour, hour, func(h *index.HourRecord) { h.Revision = 0 }), "record[0].revision: is 0"},
		"an hour with another key": {changed(x.PutHour, hour, func(h *index.HourRecord) { h.Key = "x" }), "record[0].key"},
		"an hour without checksum": {changed(x.PutHour, hour, func(h *index.HourRecord) { h.SHA256 = "" }), "record[0].sha256"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tt.put(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if left := keys(t, b, ""); len(left) > 0 {
		t.Errorf("there is %q", left)
	}
}

// changed is a put of a record with a change.
func changed[R any](put func(context.Context, R) error, r R, change func(*R)) func() error {
	return func() error {
		change(&r)
		return put(context.Background(), r)
	}
}

func TestTheObjectsAreReadable(t *testing.T) {
	t.Parallel()
	b := empty()
	n := 0
	x := index.New(b, index.Config{Clock: clock, Token: func() string { n++; return fmt.Sprintf("token-%d", n) }})
	putHour(t, x, hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 2))
	want := `{"records":[
{"cluster":"prod","coverage":{"absent_ms":0,"allocated_ms":3000000,"estimated_ms":0,"expected_ms":3600000,"residue_ms":1,"unallocated_ms":599999,"unattributed_ms":0,"unavailable_ms":0,"uncovered_ms":0},"from":"2026-11-20T05:00:00Z","key":"ledger/hourly/cluster=prod/date=2026-11-20/hour=05/usage.parquet","revision":2,"rows":17,"sha256":"abababababababababababababababababababababababababababababababab","size":4711,"to":"2026-11-20T06:00:00Z"}
],"token":"token-1","updated":"2026-12-01T00:10:00Z","version":1}
`
	if diff := cmp.Diff(want, read(t, b, hoursKey)); diff != "" {
		t.Errorf("hours (-want +got):\n%s", diff)
	}
}

func TestAnHourKeepsItsCoverage(t *testing.T) {
	t.Parallel()
	c := usage.Coverage{Expected: 1, Allocated: 2, Unallocated: 3, Unattributed: 4, Unavailable: 5, Uncovered: 6, Estimated: 7, Residue: 8, Absent: 9, Late: 10}
	want := index.Coverage{Expected: 1, Allocated: 2, Unallocated: 3, Unattributed: 4, Unavailable: 5, Uncovered: 6, Estimated: 7, Residue: 8, Absent: 9, Late: 10}
	if got := index.Hour(ledger.Entry{Coverage: c}).Coverage; got != want {
		t.Errorf("got %+v", got)
	}
}

func TestWhiteSpaceIsNoDifference(t *testing.T) {
	t.Parallel()
	b := empty()
	x := index.New(b, index.Config{})
	r := hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1)
	putHour(t, x, r)
	overwrite(t, b, hoursKey, strings.ReplaceAll(read(t, b, hoursKey), ":{", ": {\n"))
	if got, _, err := x.LastHour(context.Background(), "prod"); err != nil || got != r {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsThereIsNotWritten(t *testing.T) {
	t.Parallel()
	b := &racing{Bucket: empty()}
	x := index.New(b, index.Config{Clock: clock})
	r := hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1)
	putHour(t, x, r)
	putHour(t, x, r)
	if b.changes != 1 {
		t.Errorf("%d writes of one record", b.changes)
	}
}

func TestAnUpdateThatLosesTheRaceBeginsAgain(t *testing.T) {
	t.Parallel()
	store := empty()
	ours := hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1)
	theirs := []index.HourRecord{
		hourRecord("prod", hourAt(t, "2026-11-20T03:00:00Z"), 1),
		hourRecord("prod", hourAt(t, "2026-11-20T04:00:00Z"), 1),
		hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 2),
	}
	b := &racing{Bucket: store}
	for _, r := range theirs {
		b.acts = append(b.acts, func() { putHour(t, index.New(store, index.Config{}), r) })
	}
	var pauses []time.Duration
	x := index.New(b, index.Config{
		Jitter: func() float64 { return 0.5 },
		Sleep:  func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil },
	})
	putHour(t, x, ours)

	got, err := x.Hours(context.Background(), "prod", window.Window{From: at(t, "2026-11-01T00:00:00Z"), To: at(t, "2026-12-01T00:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs, got); diff != "" { // theirs of 05:00 is the higher revision
		t.Errorf("hours (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond}, pauses); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
}

func TestAnUpdateGivesUp(t *testing.T) {
	t.Parallel()
	store := empty()
	b := &racing{Bucket: store}
	others := index.New(store, index.Config{})
	hour := hourAt(t, "2026-11-01T00:00:00Z")
	for range 100 {
		b.acts = append(b.acts, func() {
			hour = window.Hour(hour.To)
			putHour(t, others, hourRecord("prod", hour, 1))
		})
	}
	var longest time.Duration
	x := index.New(b, index.Config{
		Jitter: func() float64 { return 1 },
		Sleep:  func(_ context.Context, d time.Duration) error { longest = max(longest, d); return nil },
	})
	err := x.PutHour(context.Background(), hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1))
	var conflict *index.ConflictError
	if !errors.As(err, &conflict) || !errors.Is(err, bucket.ErrConflict) || conflict.Key != hoursKey || conflict.Attempts != b.changes {
		t.Errorf("got %v after %d attempts", err, b.changes)
	}
	if longest != time.Second {
		t.Errorf("the longest pause was %s", longest)
	}
}

func TestAnUpdateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	store := empty()
	ctx, cancel := context.WithCancel(context.Background())
	b := &racing{Bucket: store, acts: []func(){func() {
		putHour(t, index.New(store, index.Config{}), hourRecord("prod", hourAt(t, "2026-11-20T04:00:00Z"), 1))
		cancel()
	}}}
	err := index.New(b, index.Config{}).PutHour(ctx, hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1))
	if !errors.Is(err, context.Canceled) && !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestManyWritersLoseNothing(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 20
	b := empty()
	start := hourAt(t, "2026-11-01T00:00:00Z").From
	var group sync.WaitGroup
	for w := range writers {
		x := index.New(b, index.Config{Clock: clock})
		group.Go(func() {
			for i := range each {
				hour := window.Hour(start.Add(time.Duration(i*writers+w) * time.Hour))
				if err := x.PutHour(context.Background(), hourRecord("prod", hour, 1)); err != nil {
					t.Errorf("writer %d, record %d: %v", w, i, err)
				}
			}
		})
	}
	group.Wait()
	got, err := index.New(b, index.Config{}).Hours(context.Background(), "prod", window.Window{From: start, To: start.AddDate(0, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != writers*each {
		t.Fatalf("%d of %d records are there", len(got), writers*each)
	}
	for i, h := range got {
		if want := start.Add(time.Duration(i) * time.Hour); !h.From.Equal(want) {
			t.Errorf("record %d is of %s, want %s", i, h.From, want)
		}
	}
}

func TestTheVersionOfAClustersHours(t *testing.T) {
	t.Parallel()
	b := empty()
	x := index.New(b, index.Config{})
	month := at(t, "2026-11-15T00:00:00Z")
	version := func() string {
		t.Helper()
		v, err := x.Version(t.Context(), "prod", month)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := version(); v != "" {
		t.Errorf("of nothing it is %q", v)
	}
	seen := map[string]bool{}
	for _, from := range []string{"2026-11-15T00:00:00Z", "2026-11-15T01:00:00Z"} {
		if err := x.PutHour(t.Context(), hourRecord("prod", hourAt(t, from), 1)); err != nil {
			t.Fatal(err)
		}
		if v := version(); v == "" || v != version() || seen[v] {
			t.Errorf("after a change it is %q", v)
		} else {
			seen[v] = true
		}
	}
	if _, err := x.Version(t.Context(), "no/cluster", month); err == nil {
		t.Error("it takes any name")
	}
}

// Whoever looks for what others changed passes over what this process wrote itself.
func TestWhatThisProcessWroteAlone(t *testing.T) {
	t.Parallel()
	b := empty()
	ours, other := index.New(b, index.Config{}), index.New(b, index.Config{})
	month := at(t, "2026-11-20T00:00:00Z")
	put := func(x *index.Index, hour string) (version string) {
		t.Helper()
		err := x.PutHour(t.Context(), hourRecord("prod", hourAt(t, hour), 1))
		if err == nil {
			version, err = x.Version(t.Context(), "prod", month)
		}
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	first := put(ours, "2026-11-20T05:00:00Z")
	second := put(ours, "2026-11-20T06:00:00Z")
	third := put(ours, "2026-11-20T07:00:00Z")
	foreign := put(other, "2026-11-20T08:00:00Z")
	fifth := put(ours, "2026-11-20T09:00:00Z")
	sixth := put(ours, "2026-11-20T10:00:00Z")
	for name, tt := range map[string]struct {
		from, to string
		want     bool
	}{
		"the first":                        {"", first, true},
		"one more":                         {first, second, true},
		"two more":                         {first, third, true},
		"another process wrote":            {third, foreign, false},
		"another process wrote in between": {third, fifth, false},
		"after that":                       {fifth, sixth, true},
		"nothing is known of before":       {"gone", sixth, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := ours.WroteAlone("prod", month, tt.from, tt.to); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
