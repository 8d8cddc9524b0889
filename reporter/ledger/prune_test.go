package ledger_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

const oneDay = 24 * time.Hour

func prune(t testing.TB, b bucket.Bucket, p ledger.Pruning) ledger.Pruned {
	t.Helper()
	done, err := ledger.New(b, ledger.Config{}).Prune(context.Background(), "prod", p)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// count tells how many objects a bucket has under a prefix.
func count(t testing.TB, b bucket.Bucket, prefix string) int {
	t.Helper()
	return len(keys(t, b, prefix))
}

func TestPruneOfHoursAndDays(t *testing.T) {
	t.Parallel()
	all := map[string]int{"hourly": 24, "daily": 1}
	tests := map[string]struct {
		keep    ledger.Retention
		happen  func(t *testing.T, b *dated)
		now     string // the day is 2026-11-20
		want    map[string]int
		kept    int
		forgot  int
		missing int
	}{
		"keeping for ever":                     {ledger.Retention{}, nil, "2036-11-20T00:00:00Z", all, 0, 0, 0},
		"not yet":                              {ledger.Retention{Hourly: oneDay, Daily: oneDay}, nil, "2026-11-21T00:59:59Z", all, 0, 0, 0},
		"the hours of the night":               {ledger.Retention{Hourly: oneDay}, nil, "2026-11-21T06:00:00Z", map[string]int{"hourly": 18, "daily": 1}, 0, 0, 0},
		"all hours":                            {ledger.Retention{Hourly: oneDay}, nil, "2026-11-30T00:00:00Z", map[string]int{"hourly": 0, "daily": 1}, 0, 0, 0},
		"the day alone":                        {ledger.Retention{Daily: oneDay}, nil, "2026-11-30T00:00:00Z", map[string]int{"hourly": 24, "daily": 0}, 0, 0, 0},
		"hours and day":                        {ledger.Retention{Hourly: oneDay, Daily: 2 * oneDay}, nil, "2026-11-30T00:00:00Z", map[string]int{"hourly": 0, "daily": 0}, 0, 24, 24},
		"the day, hours are younger":           {ledger.Retention{Hourly: 30 * oneDay, Daily: oneDay}, nil, "2026-11-30T00:00:00Z", map[string]int{"hourly": 24, "daily": 0}, 0, 0, 0},
		"hours of a day that was not made":     {ledger.Retention{Hourly: oneDay}, func(t *testing.T, b *dated) { remove(t, b, dayKey) }, "2026-11-30T00:00:00Z", map[string]int{"hourly": 24, "daily": 0}, 24, 0, 0},
		"hours of such a day, once too old":    {ledger.Retention{Hourly: oneDay, Daily: 2 * oneDay}, func(t *testing.T, b *dated) { remove(t, b, dayKey) }, "2026-11-30T00:00:00Z", map[string]int{"hourly": 0, "daily": 0}, 0, 24, 24},
		"a day that only the daily table has":  {ledger.Retention{Daily: oneDay}, func(t *testing.T, b *dated) { remove(t, b, keys(t, b, "ledger/hourly/")...) }, "2026-11-30T00:00:00Z", map[string]int{"hourly": 0, "daily": 0}, 0, 24, 24},
		"an hour restated since":               {ledger.Retention{Hourly: oneDay}, func(t *testing.T, b *dated) { restate(t, b, "2026-11-20T07:00:00Z") }, "2026-11-30T00:00:00Z", map[string]int{"hourly": 1, "daily": 1}, 1, 0, 0},
		"an hour that is damaged, the day not": {ledger.Retention{Hourly: oneDay}, func(t *testing.T, b *dated) { overwrite(t, b, hourKey, []byte("x")) }, "2026-11-30T00:00:00Z", map[string]int{"hourly": 1, "daily": 1}, 1, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newDated(t)
			closeDay(t, b)
			compact(t, b)
			if tt.happen != nil {
				tt.happen(t, b)
			}
			objects := keys(t, b, "")
			var forgot []window.Window
			p := ledger.Pruning{Retention: tt.keep, Now: at(t, tt.now), DryRun: true, Forget: func(_ context.Context, hours []window.Window) error {
				forgot = append(forgot, hours...)
				return nil
			}}
			planned := prune(t, b, p)
			if diff := cmp.Diff(objects, keys(t, b, "")); diff != "" || len(forgot) > 0 {
				t.Errorf("a dry run changed something: %v\n%s", forgot, diff)
			}
			p.DryRun = false
			done := prune(t, b, p)
			if diff := cmp.Diff(planned, done); diff != "" {
				t.Errorf("(-dry run +run):\n%s", diff)
			}
			got := map[string]int{"hourly": count(t, b, "ledger/hourly/"), "daily": count(t, b, "ledger/daily/")}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if gone := len(objects) - len(keys(t, b, "")); gone != done.Hourly.Objects+done.Daily.Objects || gone > 0 && done.Hourly.Bytes+done.Daily.Bytes == 0 {
				t.Errorf("%d objects are gone, it says %+v", gone, done)
			}
			if done.Kept != tt.kept || done.Forgotten != tt.forgot || len(forgot) != tt.forgot {
				t.Errorf("kept %d, forgot %d (%d); want %d, %d", done.Kept, done.Forgotten, len(forgot), tt.kept, tt.forgot)
			}
			missing, err := ledger.New(b, ledger.Config{}).Missing(context.Background(), "prod", theDay(t))
			if err != nil || len(missing) != tt.missing {
				t.Errorf("%d hours are missing, %v; want %d", len(missing), err, tt.missing)
			}
			p.Forget = func(context.Context, []window.Window) error { return errors.New("forgets again") }
			if again := prune(t, b, p); again.Hourly.Objects+again.Daily.Objects != 0 {
				t.Errorf("another run deletes more: %+v", again)
			}
		})
	}
}

func restate(t testing.TB, b bucket.Bucket, hour string) {
	t.Helper()
	h := smallHour(hourAt(t, hour))
	h.Source = "dcgm"
	put(t, b, h)
}

// Pruning changes no number that anybody reads.
func TestPruningHoursChangesNothingThatIsRead(t *testing.T) {
	t.Parallel()
	b := newDated(t)
	closeDay(t, b)
	restate(t, b, "2026-11-20T07:00:00Z")
	want := readDay(t, b)
	compact(t, b)
	prune(t, b, ledger.Pruning{Retention: ledger.Retention{Hourly: time.Hour, History: time.Hour, Edges: time.Hour}, Now: at(t, "2027-01-01T00:00:00Z")})
	if n := count(t, b, "ledger/hourly/"); n != 0 {
		t.Fatalf("%d hours are left", n)
	}
	if diff := cmp.Diff(want, readDay(t, b)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestHoursAreForgottenBeforeTheyGo(t *testing.T) {
	t.Parallel()
	b := newDated(t)
	closeDay(t, b)
	objects := keys(t, b, "")
	stop := errors.New("stop")
	_, err := ledger.New(b, ledger.Config{}).Prune(context.Background(), "prod", ledger.Pruning{
		Retention: ledger.Retention{Hourly: oneDay, Daily: oneDay}, Now: at(t, "2027-01-01T00:00:00Z"),
		Forget: func(context.Context, []window.Window) error { return stop },
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(objects, keys(t, b, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestPruneOfTheHistory(t *testing.T) {
	t.Parallel()
	b := newDated(t)
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	for i := range 11 {
		h.Coverage.Residue = int64(i)
		put(t, b, h) // revisions 1 to 10 are replaced on 22 November
	}
	overwrite(t, b, "ledger/history/cluster=prod/date=2026-11-20/0123456789abcdef.damaged", []byte("x"))
	b.now = at(t, "2026-11-25T00:00:00Z")
	h.Coverage.Residue = 99
	put(t, b, h) // revision 11, days later
	history := func(now string) int {
		prune(t, b, ledger.Pruning{Retention: ledger.Retention{History: oneDay}, Now: at(t, now)})
		return count(t, b, "ledger/history/")
	}
	if n := history("2026-11-22T23:59:59Z"); n != 12 {
		t.Errorf("%d are left before their time", n)
	}
	if n := history("2026-11-23T00:00:00Z"); n != 1 {
		t.Errorf("%d are left, want the one replaced last", n)
	}
	if n := history("2027-01-01T00:00:00Z"); n != 1 {
		t.Errorf("%d are left, want the one with the newest revision", n)
	}
	h.Coverage.Residue = 100
	if got := put(t, b, h).Revision; got != 13 {
		t.Errorf("revision %d, want 13", got)
	}
	remove(t, b, hourKey)
	if n := history("2027-01-01T00:00:00Z"); n != 0 {
		t.Errorf("%d are left of an hour that is not closed", n)
	}
}

func TestPruneOfEdges(t *testing.T) {
	t.Parallel()
	const at6 = "ledger/edges/cluster=prod/date=2026-11-20/hour=06/"
	five, six := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")
	b := newDated(t)
	run := func(edges time.Duration, now string) int {
		prune(t, b, ledger.Pruning{Retention: ledger.Retention{Edges: edges}, Now: at(t, now)})
		return count(t, b, at6)
	}
	closeWith(t, b, five, edgesAt(10), edgesAt(20))
	closeWith(t, b, six, edgesAt(21), edgesAt(30)) // it disagrees
	closeWith(t, b, five, edgesAt(10), edgesAt(22))
	closeWith(t, b, five, edgesAt(10), edgesAt(21)) // 20 and 22 are of no hour now
	if n := run(0, "2026-11-22T23:00:00Z"); n != 3 {
		t.Errorf("%d are left within a day of their writing", n)
	}
	if n := run(0, "2026-11-23T00:00:00Z"); n != 1 {
		t.Errorf("%d are left, want the one that both hours name", n)
	}
	l := ledger.New(b, ledger.Config{})
	if n, err := l.Session().Neighbours(context.Background(), "prod", six); err != nil || total(n.Before) != 21 {
		t.Errorf("before is %d, %v", total(n.Before), err)
	}

	closeWith(t, b, five, edgesAt(10), edgesAt(22))
	overwrite(t, b, ledger.Key("prod", six), []byte("x"))
	if n := run(0, "2027-01-01T00:00:00Z"); n != 2 {
		t.Errorf("%d are left while an hour can't be read, which may name them", n)
	}
	if n := run(oneDay, "2026-11-21T05:59:59Z"); n != 2 {
		t.Errorf("%d are left before their time", n)
	}
	if n := run(oneDay, "2026-11-21T06:00:00Z"); n != 0 {
		t.Errorf("%d are left behind their time", n)
	}
	if left := keys(t, b, "ledger/edges/"); len(left) != 1 || !strings.Contains(left[0], "/hour=07/") {
		t.Errorf("left are %q", left)
	}
	if n, err := l.Session().Neighbours(context.Background(), "prod", six); !errors.As(err, new(*ledger.EdgesError)) {
		t.Errorf("edges that were pruned: %v, %v", n, err)
	}
}

// changing changes an object just before it is deleted.
type changing struct {
	bucket.Bucket
	act func()
}

func (c *changing) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	if act := c.act; act != nil {
		c.act = nil
		act()
	}
	return c.Bucket.Delete(ctx, key, cond)
}

func TestAnHourThatIsRestatedWhileItIsPrunedStays(t *testing.T) {
	t.Parallel()
	store := newDated(t)
	closeDay(t, store)
	compact(t, store)
	b := &changing{Bucket: store, act: func() { restate(t, store, "2026-11-20T00:00:00Z") }}
	done := prune(t, b, ledger.Pruning{Retention: ledger.Retention{Hourly: oneDay}, Now: at(t, "2027-01-01T00:00:00Z")})
	left := []string{ledger.Key("prod", hourAt(t, "2026-11-20T00:00:00Z"))}
	if got := keys(t, store, "ledger/hourly/"); !slices.Equal(got, left) || done.Hourly.Objects != 23 {
		t.Errorf("left are %q, deleted %+v", got, done)
	}
}

func TestPruneLeavesOtherClustersAlone(t *testing.T) {
	t.Parallel()
	b := newDated(t)
	closeDay(t, b)
	compact(t, b)
	objects := keys(t, b, "")
	all := ledger.Retention{Hourly: 1, Daily: 1, History: 1, Edges: 1}
	if _, err := ledger.New(b, ledger.Config{}).Prune(context.Background(), "pro", ledger.Pruning{Retention: all, Now: at(t, "2036-01-01T00:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(objects, keys(t, b, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}
