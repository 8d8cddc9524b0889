package ledger_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// denied is a bucket that may not be used.
type denied struct{}

func (denied) Stat(context.Context, string) (bucket.Object, error) {
	return bucket.Object{}, bucket.ErrDenied
}

func (denied) Get(context.Context, string) (io.ReadCloser, bucket.Object, error) {
	return nil, bucket.Object{}, bucket.ErrDenied
}

func (denied) Put(context.Context, string, io.ReadSeeker, int64, bucket.Condition) (bucket.Object, error) {
	return bucket.Object{}, bucket.ErrDenied
}

func (denied) Delete(context.Context, string, bucket.Condition) error { return bucket.ErrDenied }

func (denied) List(context.Context, string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) { yield(bucket.Object{}, bucket.ErrDenied) }
}

// collect gathers a window's segments.
func collect(l *ledger.Ledger, w window.Window) ([]usage.Segment, error) {
	var all []usage.Segment
	err := l.Segments(context.Background(), "prod", w, func(segments []usage.Segment) error {
		all = append(all, segments...)
		return nil
	})
	return all, err
}

func TestSegmentsOfAWindow(t *testing.T) {
	t.Parallel()
	b := empty()
	for _, text := range []string{"2026-11-20T22:00:00Z", "2026-11-20T23:00:00Z", "2026-11-21T00:00:00Z"} {
		put(t, b, smallHour(hourAt(t, text)))
	}
	tests := map[string]struct {
		from, to string
		want     []string
	}{
		"one hour": {"2026-11-20T22:00:00Z", "2026-11-20T23:00:00Z", []string{
			"one 22:00:00 22:20:00 1200000", "two 22:20:00 23:00:00 2400000",
		}},
		"over midnight": {"2026-11-20T23:00:00Z", "2026-11-21T01:00:00Z", []string{
			"one 23:00:00 23:20:00 1200000", "two 23:20:00 00:00:00 2400000",
			"one 00:00:00 00:20:00 1200000", "two 00:20:00 01:00:00 2400000",
		}},
		"cut at both ends": {"2026-11-20T22:30:00Z", "2026-11-20T23:10:00Z", []string{
			"two 22:30:00 23:00:00 1800000", "one 23:00:00 23:10:00 600000",
		}},
		"inside one segment": {"2026-11-20T22:05:00Z", "2026-11-20T22:10:00Z", []string{
			"one 22:05:00 22:10:00 300000",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			segments, err := collect(ledger.New(b, ledger.Config{}), window.Window{From: at(t, tt.from), To: at(t, tt.to)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, seg := range segments {
				clock := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.TimeOnly) }
				got = append(got, strings.Join([]string{
					seg.Pod, clock(seg.HeldFrom), clock(seg.HeldTo), strconv.FormatInt(seg.GPUMillis, 10),
				}, " "))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFleetsHourComesInPieces(t *testing.T) {
	t.Parallel()
	b := empty()
	h := randomHour(hourAt(t, "2026-11-20T05:00:00Z"), 20_000)
	put(t, b, h)
	calls := 0
	var got []usage.Segment
	err := ledger.New(b, ledger.Config{}).Segments(context.Background(), "prod", h.Window, func(segments []usage.Segment) error {
		calls++
		got = append(got, segments...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls != 2 {
		t.Errorf("%d calls for 20,000 rows, want 2", calls)
	}
	if !slices.Equal(got, h.Segments) {
		t.Error("the segments read are not those that were put")
	}
}

func TestTheErrorOfYieldComesBackAsItIs(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	put(t, b, h)
	stop := errors.New("stop")
	err := ledger.New(b, ledger.Config{}).Segments(context.Background(), "prod", h.Window, func([]usage.Segment) error { return stop })
	if err != stop { //nolint:errorlint // the very same error
		t.Errorf("got %v", err)
	}
}

func TestMissingHours(t *testing.T) {
	t.Parallel()
	b := empty()
	l := ledger.New(b, ledger.Config{})
	put(t, b, smallHour(hourAt(t, "2026-11-20T05:00:00Z")))
	put(t, b, smallHour(hourAt(t, "2026-11-20T07:00:00Z")))
	w := window.Window{From: at(t, "2026-11-20T04:30:00Z"), To: at(t, "2026-11-20T08:00:00Z")}
	want := []window.Window{hourAt(t, "2026-11-20T04:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")}

	got, err := l.Missing(context.Background(), "prod", w)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}

	segments, err := collect(l, w)
	var missing *ledger.MissingError
	if !errors.Is(err, ledger.ErrHourMissing) || !errors.As(err, &missing) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(&ledger.MissingError{Cluster: "prod", Hours: want}, missing); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if len(segments) > 0 {
		t.Errorf("%d segments came before the error", len(segments))
	}

	for name, err := range map[string]error{
		"Stat": second(l.Stat(context.Background(), "prod", want[0])),
		"Hour": third(l.Hour(context.Background(), "prod", want[0])),
	} {
		wantText := "cluster prod: hour 2026-11-20T04:00:00Z is not closed; close it with gputally-reporter close --from=2026-11-20T04:00:00Z"
		if !errors.Is(err, ledger.ErrHourMissing) || err.Error() != wantText {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := l.Stat(context.Background(), "other", hourAt(t, "2026-11-20T05:00:00Z")); !errors.Is(err, ledger.ErrHourMissing) {
		t.Errorf("another cluster: got %v", err)
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestList(t *testing.T) {
	t.Parallel()
	b := empty()
	for _, text := range []string{"2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z", "2026-11-01T09:00:00Z", "2026-11-02T00:00:00Z", "2027-01-01T00:00:00Z"} {
		put(t, b, smallHour(hourAt(t, text)))
	}
	neighbour := smallHour(hourAt(t, "2026-11-01T00:00:00Z"))
	neighbour.Cluster = "prod-2"
	for i := range neighbour.Segments {
		neighbour.Segments[i].Cluster = "prod-2"
	}
	put(t, b, neighbour)
	overwrite(t, b, "ledger/hourly/cluster=prod/date=2026-11-01/README.txt", []byte("not ours"))
	l := ledger.New(b, ledger.Config{})

	tests := map[string]struct {
		from, to string
		want     []string
	}{
		"one hour":                 {"2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z", []string{"2026-11-01T00"}},
		"a window inside an hour":  {"2026-11-01T09:10:00Z", "2026-11-01T09:20:00Z", []string{"2026-11-01T09"}},
		"the morning of a day":     {"2026-11-01T00:00:00Z", "2026-11-01T05:00:00Z", []string{"2026-11-01T00"}},
		"the rest of a day":        {"2026-11-01T05:00:00Z", "2026-11-02T00:00:00Z", []string{"2026-11-01T09"}},
		"a day":                    {"2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", []string{"2026-11-01T00", "2026-11-01T09"}},
		"a month":                  {"2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", []string{"2026-11-01T00", "2026-11-01T09", "2026-11-02T00"}},
		"over the new year":        {"2026-11-02T00:00:00Z", "2027-01-02T00:00:00Z", []string{"2026-11-02T00", "2027-01-01T00"}},
		"a month with no hours":    {"2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", nil},
		"an empty window":          {"2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z", nil},
		"the end is not contained": {"2026-10-31T23:30:00Z", "2026-11-01T00:00:00Z", []string{"2026-10-31T23"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for object, err := range l.List(context.Background(), "prod", window.Window{From: at(t, tt.from), To: at(t, tt.to)}) {
				if err != nil {
					t.Fatal(err)
				}
				if object.Cluster != "prod" || object.Size == 0 || object.Key != ledger.Key("prod", object.Window) {
					t.Errorf("object is %+v", object)
				}
				got = append(got, object.Window.From.Format("2006-01-02T15"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	var all []string
	for object, err := range l.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object.Cluster)
	}
	if diff := cmp.Diff([]string{"prod-2", "prod", "prod", "prod", "prod", "prod"}, all); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
}

func TestAStrayTableUnderTheLedgerIsAnError(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"ledger/hourly/cluster=prod/date=2026-11-20/hour=5/usage.parquet",
		"ledger/hourly/cluster=prod/date=2026-11-20/hour=24/usage.parquet",
		"ledger/hourly/cluster=prod/date=2026-11-31/hour=05/usage.parquet",
		"ledger/hourly/cluster=prod/date=2026-11-20/hour=05/copy.parquet",
		"ledger/hourly/cluster=a b/date=2026-11-20/hour=05/usage.parquet",
		"ledger/hourly/usage.parquet",
	} {
		b := empty()
		overwrite(t, b, key, []byte("x"))
		var got error
		for _, err := range ledger.New(b, ledger.Config{}).All(context.Background()) {
			got = err
		}
		if got == nil || !strings.Contains(got.Error(), key) {
			t.Errorf("%s: got %v", key, got)
		}
	}
}

// segmentOf draws any segment of the hour, with odd names and quantities.
func segmentOf(hour window.Window) *rapid.Generator[usage.Segment] {
	name := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b"}), rapid.String())
	number := rapid.OneOf(rapid.Int64Range(0, 4_000_000), rapid.Int64Min(0))
	return rapid.Custom(func(t *rapid.T) usage.Segment {
		from := rapid.Int64Range(0, 3_600_000).Draw(t, "from")
		to := rapid.Int64Range(from, 3_600_000).Draw(t, "to")
		return usage.Segment{
			Cluster: "prod", Node: name.Draw(t, "node"), NodePool: name.Draw(t, "node pool"), UUID: name.Draw(t, "uuid"), Model: name.Draw(t, "model"),
			State:     rapid.SampledFrom([]usage.State{usage.Allocated, usage.Unallocated, usage.Unattributed, usage.Unavailable, usage.Uncovered}).Draw(t, "state"),
			Namespace: name.Draw(t, "namespace"), Pod: name.Draw(t, "pod"), PodUID: name.Draw(t, "pod uid"), Container: name.Draw(t, "container"),
			HeldFrom: hour.From.UnixMilli() + from, HeldTo: hour.From.UnixMilli() + to, Share: rapid.Float64Range(0, 1).Draw(t, "share"),
			GPUMillis: number.Draw(t, "gpu"), ActiveMillis: number.Draw(t, "active"), IdleMillis: number.Draw(t, "idle"),
			ObservedMillis: number.Draw(t, "observed"), EstimatedMillis: number.Draw(t, "estimated"),
			MemoryByteSeconds: number.Draw(t, "memory"), EnergyMillijoules: number.Draw(t, "energy"),
		}
	})
}

func TestAnySegmentsAreReadAsTheyWerePut(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	rapid.Check(t, func(r *rapid.T) {
		h := usage.Hour{
			Cluster: "prod", Window: hour, Segments: rapid.SliceOfN(segmentOf(hour), 1, 50).Draw(r, "segments"),
			Source: rapid.String().Draw(r, "source"), Road: rapid.String().Draw(r, "road"),
			Coverage: usage.Coverage{Expected: rapid.Int64().Draw(r, "expected"), Residue: rapid.Int64().Draw(r, "residue")},
			Findings: []usage.Finding{{
				Code: usage.Code(rapid.String().Draw(r, "code")), Count: rapid.Int().Draw(r, "count"), Named: rapid.SliceOfN(rapid.String(), 1, 3).Draw(r, "named"),
			}},
		}
		slices.SortStableFunc(h.Segments, usage.Compare)
		l := ledger.New(empty(), ledger.Config{})
		first, err := l.Put(context.Background(), h)
		if err != nil {
			r.Fatal(err)
		}
		got, _, err := l.Hour(context.Background(), "prod", hour)
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(h, got); diff != "" {
			r.Fatalf("(-put +read):\n%s", diff)
		}
		again, err := l.Put(context.Background(), h)
		if err != nil || again != first {
			r.Fatalf("put again: %+v, %v; want %+v", again, err, first)
		}
	})
}
