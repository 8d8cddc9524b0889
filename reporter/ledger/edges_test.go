package ledger_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// edgesAt are a device's edge and that of a holding, both with the total.
func edgesAt(total int64) []usage.Edge {
	return []usage.Edge{
		{UUID: "GPU-1", Start: 17, Total: [6]int64{total, 1, 2, 3, 4, 0}},
		{UUID: "GPU-1", Pod: "uid-one", Container: "main", Start: 19, Total: [6]int64{total, 1, 2, 3, 4, 5}},
	}
}

// close closes the small hour of the time with edges.
func closeWith(t testing.TB, b bucket.Bucket, hour window.Window, opening, closing []usage.Edge) ledger.Entry {
	t.Helper()
	l := ledger.New(b, ledger.Config{Version: "1.2.3"})
	d, err := l.Draft("prod", hour)
	if err != nil {
		t.Fatal(err)
	}
	h := smallHour(hour)
	if err := d.Add(usage.Part{Segments: h.Segments, Opening: opening, Closing: closing}); err != nil {
		t.Fatal(err)
	}
	entry, err := l.Commit(context.Background(), d, h)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// total is what a table has stored for the device, -1 if nothing.
func total(table *usage.EdgeTable) int64 {
	if got, ok := table.Find("GPU-1", "", "", 17); ok {
		return got[0]
	}
	return -1
}

func TestEdgesAreSharedByTheHoursBesideThem(t *testing.T) {
	t.Parallel()
	b := empty()
	l := ledger.New(b, ledger.Config{})
	five, six, seven := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z"), hourAt(t, "2026-11-20T07:00:00Z")
	closeWith(t, b, five, edgesAt(10), edgesAt(20))
	closeWith(t, b, seven, edgesAt(30), edgesAt(40))

	n, err := l.Session().Neighbours(context.Background(), "prod", six)
	if err != nil || total(n.Before) != 20 || total(n.After) != 30 || n.Before.Len() != 2 {
		t.Fatalf("neighbours are %d and %d, %v", total(n.Before), total(n.After), err)
	}
	closeWith(t, b, six, edgesAt(20), edgesAt(30))
	if all := keys(t, b, "ledger/edges/"); len(all) != 4 {
		t.Errorf("%d objects for 4 instants: %q", len(all), all)
	}
	opening, closing, err := l.Session().Edges(context.Background(), "prod", six)
	if err != nil || total(opening) != 20 || total(closing) != 30 {
		t.Errorf("edges are %d and %d, %v", total(opening), total(closing), err)
	}
	for _, key := range keys(t, b, "ledger/edges/") {
		if strings.HasPrefix(key, "ledger/hourly/") || strings.HasPrefix(key, "ledger/daily/") {
			t.Errorf("%s lies in a table", key)
		}
	}
	if diff := cmp.Diff([]window.Window(nil), disagree(t, l, six)); diff != "" {
		t.Errorf("disagree (-want +got):\n%s", diff)
	}
}

func disagree(t testing.TB, l *ledger.Ledger, hour window.Window) []window.Window {
	t.Helper()
	hours, err := l.Session().Disagree(context.Background(), "prod", hour)
	if err != nil {
		t.Fatal(err)
	}
	return hours
}

func TestRestatingAnHourTellsWhichNeighboursDisagree(t *testing.T) {
	t.Parallel()
	five, six, seven := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z"), hourAt(t, "2026-11-20T07:00:00Z")
	unseen := append(edgesAt(20), usage.Edge{UUID: "GPU-2", Start: 3, Total: [6]int64{7}})
	idle := append(edgesAt(20), usage.Edge{UUID: "GPU-2", Start: 3})
	tests := map[string]struct {
		opening, closing []usage.Edge
		want             []window.Window
	}{
		"the same edges":  {edgesAt(20), edgesAt(30), nil},
		"another opening": {edgesAt(21), edgesAt(30), []window.Window{five}},
		"another closing": {edgesAt(20), edgesAt(31), []window.Window{seven}},
		"both":            {edgesAt(21), edgesAt(31), []window.Window{five, seven}},
		"no edges at all": {nil, nil, nil},
		"one more edge that the hour before should have":       {unseen, edgesAt(30), []window.Window{five}},
		"one more edge of something that had counted nothing":  {idle, edgesAt(30), nil},
		"one edge less, of what this hour did not see":         {edgesAt(20)[:1], edgesAt(30), nil},
		"one edge less, of what the next hour counted on from": {edgesAt(20), edgesAt(30)[:1], []window.Window{seven}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			closeWith(t, b, five, edgesAt(10), edgesAt(20))
			closeWith(t, b, six, edgesAt(20), edgesAt(30))
			closeWith(t, b, seven, edgesAt(30), edgesAt(40))
			closeWith(t, b, six, tt.opening, tt.closing)
			if diff := cmp.Diff(tt.want, disagree(t, ledger.New(b, ledger.Config{}), six)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHoursWithoutEdgesOrNeighbours(t *testing.T) {
	t.Parallel()
	b := empty()
	l := ledger.New(b, ledger.Config{})
	six := hourAt(t, "2026-11-20T06:00:00Z")
	put(t, b, smallHour(hourAt(t, "2026-11-20T05:00:00Z"))) // closed without edges
	n, err := l.Session().Neighbours(context.Background(), "prod", six)
	if err != nil || n.Before != nil || n.After != nil {
		t.Errorf("neighbours are %v, %v", n, err)
	}
	if _, err := l.Session().Disagree(context.Background(), "prod", six); !errors.Is(err, ledger.ErrHourMissing) {
		t.Errorf("an open hour: %v", err)
	}
}

// An hour that knows that it has booked nothing is not one of which nothing is
// known: what began in it was not counted yet.
func TestHoursThatBookedNothingAtAnEdge(t *testing.T) {
	t.Parallel()
	five, six := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")
	for name, closeHour := range map[string]func(b bucket.Bucket){
		"all that it saw was over": func(b bucket.Bucket) { closeWith(t, b, five, edgesAt(10), nil) },
		"there were no samples":    func(b bucket.Bucket) { put(t, b, usage.Hour{Cluster: "prod", Window: five}) },
	} {
		b := empty()
		closeHour(b)
		l := ledger.New(b, ledger.Config{})
		n, err := l.Session().Neighbours(context.Background(), "prod", six)
		if err != nil || n.Before == nil || n.Before.Len() != 0 || n.After != nil {
			t.Errorf("%s: neighbours are %v, %v", name, n, err)
		}
		closeWith(t, b, six, edgesAt(20), edgesAt(30))
		if got := disagree(t, l, six); len(got) != 1 {
			t.Errorf("%s: disagree %v", name, got)
		}
	}
}

func TestNewEdgesAreANewRevision(t *testing.T) {
	t.Parallel()
	b := empty()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	for i, edges := range [][]usage.Edge{edgesAt(10), edgesAt(10), edgesAt(11)} {
		if got, want := closeWith(t, b, hour, nil, edges).Revision, []int{1, 1, 2}[i]; got != want {
			t.Errorf("closing %d: revision %d, want %d", i, got, want)
		}
	}
}

func TestEdgesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	five, six := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")
	const at = "ledger/edges/cluster=prod/date=2026-11-20/hour=06/"
	tests := map[string]struct {
		happen func(t *testing.T, b bucket.Bucket, key string)
		want   string
	}{
		"gone": {func(t *testing.T, b bucket.Bucket, key string) {
			if err := b.Delete(context.Background(), key, bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}, "are gone"},
		"cut short": {func(t *testing.T, b bucket.Bucket, key string) {
			data := read(t, b, key)
			overwrite(t, b, key, data[:len(data)/2])
		}, "it has no seal"},
		"one bit is another": {func(t *testing.T, b bucket.Bucket, key string) {
			overwrite(t, b, key, flip(read(t, b, key), 100))
		}, "its content has changed"},
		"swapped with those of another hour": {func(t *testing.T, b bucket.Bucket, key string) {
			overwrite(t, b, key, read(t, b, keys(t, b, "ledger/edges/cluster=prod/date=2026-11-20/hour=05/")[0]))
		}, "it holds edges of cluster prod at 2026-11-20T05:00:00Z"},
		"swapped with others of the same instant": {func(t *testing.T, b bucket.Bucket, key string) {
			other := empty()
			closeWith(t, other, five, nil, edgesAt(99))
			overwrite(t, b, key, read(t, other, keys(t, other, at)[0]))
		}, "it holds other edges"},
		"a table of segments": {func(t *testing.T, b bucket.Bucket, key string) {
			overwrite(t, b, key, read(t, b, hourKey))
		}, "it has no column start"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			closeWith(t, b, five, edgesAt(10), edgesAt(20))
			key := keys(t, b, at)[0]
			tt.happen(t, b, key)
			l := ledger.New(b, ledger.Config{})
			_, err := l.Session().Neighbours(context.Background(), "prod", six)
			var broken *ledger.EdgesError
			if !errors.As(err, &broken) || broken.Key != key || !broken.At.Equal(six.From) {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{tt.want, key, "restate the two hours of cluster prod that meet at 2026-11-20T06:00:00Z"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if _, _, err := l.Session().Edges(context.Background(), "prod", five); !errors.As(err, &broken) {
				t.Errorf("Edges: %v", err)
			}
			// Closing the hour again repairs them, though the hour itself stays.
			if got := closeWith(t, b, five, edgesAt(10), edgesAt(20)); got.Revision != 1 {
				t.Errorf("revision %d", got.Revision)
			}
			if n, err := l.Session().Neighbours(context.Background(), "prod", six); err != nil || total(n.Before) != 20 {
				t.Errorf("after it was closed again: %v", err)
			}
		})
	}
}

func TestEveryChangedByteOfEdgesIsFound(t *testing.T) {
	t.Parallel()
	b := empty()
	five := hourAt(t, "2026-11-20T05:00:00Z")
	closeWith(t, b, five, nil, edgesAt(20))
	key := keys(t, b, "ledger/edges/")[0]
	whole := read(t, b, key)
	l := ledger.New(b, ledger.Config{})
	for at := range whole {
		for what, data := range map[string][]byte{"changed": flip(whole, at), "cut": whole[:at]} {
			if what == "cut" && at%16 > 0 {
				continue
			}
			overwrite(t, b, key, data)
			if _, _, err := l.Session().Edges(context.Background(), "prod", five); !errors.As(err, new(*ledger.EdgesError)) {
				t.Errorf("%s at byte %d of %d: got %v", what, at, len(whole), err)
			}
		}
	}
}

func TestPartsThatADraftDoesNotTake(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	one, two := held(hour, "one", 0, time.Minute), held(hour, "two", 0, time.Minute)
	edge := edgesAt(1)
	tests := map[string]struct {
		parts []usage.Part
		want  string
	}{
		"unsorted segments":         {[]usage.Part{{Segments: []usage.Segment{two, one}}}, "segment 1 (GPU GPU-1, pod team/one): comes before"},
		"parts out of order":        {[]usage.Part{{Segments: []usage.Segment{two}}, {Segments: []usage.Segment{one}}}, "segment 1 (GPU GPU-1, pod team/one): comes before"},
		"unsorted edges":            {[]usage.Part{{Opening: []usage.Edge{edge[1], edge[0]}}}, "edge of GPU GPU-1"},
		"the same edge twice":       {[]usage.Part{{Closing: edge[:1]}, {Closing: edge[:1]}}, "edge of GPU GPU-1"},
		"a segment of another hour": {[]usage.Part{{Segments: []usage.Segment{held(window.Hour(hour.To), "one", 0, time.Minute)}}}, "outside of"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			l := ledger.New(b, ledger.Config{})
			d, err := l.Draft("prod", hour)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range tt.parts {
				err = d.Add(p)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if _, err := l.Commit(context.Background(), d, usage.Hour{}); err == nil {
				t.Error("a draft that failed was committed")
			}
			if left := keys(t, b, ""); len(left) > 0 {
				t.Errorf("it wrote %q", left)
			}
		})
	}
}

func TestPartsMakeTheSameObjectAsTheWhole(t *testing.T) {
	t.Parallel()
	whole, parts := empty(), empty()
	h := randomHour(hourAt(t, "2026-11-20T05:00:00Z"), 20_000)
	put(t, whole, h)
	l := ledger.New(parts, ledger.Config{Version: "1.2.3"})
	d, err := l.Draft("prod", h.Window)
	if err != nil {
		t.Fatal(err)
	}
	reused := make([]usage.Segment, 0, 999)
	for rest := h.Segments; len(rest) > 0; rest = rest[min(len(rest), 999):] {
		reused = append(reused[:0], rest[:min(len(rest), 999)]...)
		if err := d.Add(usage.Part{Segments: reused}); err != nil {
			t.Fatal(err)
		}
		clear(reused)
	}
	entry, err := l.Commit(context.Background(), d, h)
	if err != nil {
		t.Fatal(err)
	}
	if string(read(t, whole, hourKey)) != string(read(t, parts, hourKey)) {
		t.Error("the hour in parts is other bytes")
	}
	if stat, err := l.Stat(context.Background(), "prod", h.Window); err != nil || stat != entry {
		t.Errorf("Stat: %+v, %v; want %+v", stat, err, entry)
	}
	if _, err := l.Commit(context.Background(), d, h); err == nil {
		t.Error("a draft was committed twice")
	}
}

// failing fails the first write to the hourly table, as a crash before it would.
type failing struct {
	bucket.Bucket
	failed bool
}

func (f *failing) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (bucket.Object, error) {
	if !f.failed && strings.HasPrefix(key, "ledger/hourly/") {
		f.failed = true
		return bucket.Object{}, errors.New("connection reset")
	}
	return f.Bucket.Put(ctx, key, body, size, cond)
}

func TestACrashBetweenTheEdgesAndTheirHour(t *testing.T) {
	t.Parallel()
	store := empty()
	five := hourAt(t, "2026-11-20T05:00:00Z")
	l := ledger.New(&failing{Bucket: store}, ledger.Config{Version: "1.2.3"})
	d, err := l.Draft("prod", five)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Add(usage.Part{Opening: edgesAt(1), Closing: edgesAt(2)}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(context.Background(), d, usage.Hour{}); err == nil {
		t.Fatal("no error")
	}
	left := keys(t, store, "")
	if len(left) != 2 || !strings.HasPrefix(left[0], "ledger/edges/") {
		t.Errorf("left are %q", left)
	}
	if _, _, err := l.Session().Edges(context.Background(), "prod", five); !errors.Is(err, ledger.ErrHourMissing) {
		t.Errorf("edges of an hour that is not there: %v", err)
	}
	closeWith(t, store, five, edgesAt(1), edgesAt(2))
	if all := keys(t, store, ""); len(all) != 3 {
		t.Errorf("after the next attempt there are %q", all)
	}
}
