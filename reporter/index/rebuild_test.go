package index_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// books is a ledger without hours.
type books struct{}

func (books) All(context.Context) iter.Seq2[ledger.Object, error] {
	return func(func(ledger.Object, error) bool) {}
}

func (books) List(context.Context, string, window.Window) iter.Seq2[ledger.Object, error] {
	return func(func(ledger.Object, error) bool) {}
}

func (books) Stat(context.Context, string, window.Window) (ledger.Entry, error) {
	return ledger.Entry{}, ledger.ErrHourMissing
}

// closed closes an hour in the ledger and notes it in the index.
func closed(t testing.TB, l *ledger.Ledger, x *index.Index, cluster string, hour window.Window, source string) {
	t.Helper()
	entry, err := l.Put(context.Background(), usage.Hour{Cluster: cluster, Window: hour, Source: source, Coverage: usage.Coverage{Expected: 7}})
	if err != nil {
		t.Fatal(err)
	}
	putHour(t, x, index.Hour(entry))
}

// state is all that an index says.
type state struct {
	Hours map[string][]index.HourRecord
}

func stateOf(t testing.TB, x *index.Index) state {
	t.Helper()
	s := state{map[string][]index.HourRecord{}}
	clusters, err := x.Clusters(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clusters {
		if s.Hours[c], err = x.Hours(context.Background(), c, window.Window{From: at(t, "2000-01-01T00:00:00Z"), To: at(t, "2100-01-01T00:00:00Z")}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// library fills a bucket with hours, and an index that knows them.
func library(t testing.TB, b bucket.Bucket) (*ledger.Ledger, *index.Index) {
	t.Helper()
	l, x := ledger.New(b, ledger.Config{}), index.New(b, index.Config{Clock: clock})
	for _, text := range []string{"2026-10-31T23:00:00Z", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z"} {
		closed(t, l, x, "prod", hourAt(t, text), "gputally")
	}
	closed(t, l, x, "edge", hourAt(t, "2026-11-01T00:00:00Z"), "gputally")
	closed(t, l, x, "edge", hourAt(t, "2026-11-01T00:00:00Z"), "dcgm") // revision 2
	return l, x
}

func TestRebuildMakesTheIndexThatThereWas(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, b bucket.Bucket){
		"nothing happened": func(*testing.T, bucket.Bucket) {},
		"the index is lost": func(t *testing.T, b bucket.Bucket) {
			for _, key := range keys(t, b, "index/") {
				if err := b.Delete(context.Background(), key, bucket.Condition{}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"every object is broken": func(t *testing.T, b bucket.Bucket) {
			for _, key := range keys(t, b, "index/") {
				overwrite(t, b, key, "{")
			}
		},
		"it knows hours that are not there": func(t *testing.T, b bucket.Bucket) {
			x := index.New(b, index.Config{})
			putHour(t, x, hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1))
			putHour(t, x, hourRecord("prod", hourAt(t, "2020-01-01T00:00:00Z"), 1))
			putHour(t, x, hourRecord("gone", hourAt(t, "2026-11-20T05:00:00Z"), 1))
		},
		"it has a higher revision than there is": func(t *testing.T, b bucket.Bucket) {
			putHour(t, index.New(b, index.Config{}), hourRecord("prod", hourAt(t, "2026-11-01T00:00:00Z"), 9))
		},
	}
	for name, happened := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			l, x := library(t, b)
			want, objects := stateOf(t, x), keys(t, b, "index/")
			happened(t, b)
			if err := x.Rebuild(context.Background(), l); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, stateOf(t, x)); diff != "" {
				t.Errorf("index (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(objects, keys(t, b, "index/")); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRebuildWritesNothingIfTheIndexIsRight(t *testing.T) {
	t.Parallel()
	b := &racing{Bucket: empty()}
	l, x := library(t, b)
	before := b.changes
	if err := x.Rebuild(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	if b.changes != before {
		t.Errorf("%d writes", b.changes-before)
	}
}

func TestRebuildKeepsWhatOthersAddMeanwhile(t *testing.T) {
	t.Parallel()
	store := empty()
	l, x := library(t, store)
	hour := hourAt(t, "2026-11-01T02:00:00Z")
	overwrite(t, store, hoursKey, "{") // something to be written
	late := func() {                   // a process that began before the index broke
		entry, err := l.Put(context.Background(), usage.Hour{Cluster: "prod", Window: hour})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(context.Background(), hoursKey, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		putHour(t, x, index.Hour(entry))
	}
	b := &racing{Bucket: store, acts: []func(){late}}
	if err := index.New(b, index.Config{Clock: clock}).Rebuild(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	s := stateOf(t, x)
	if got := s.Hours["prod"]; len(got) != 4 || got[3].From != hour.From {
		t.Errorf("hours are %+v", got)
	}
}

func TestRebuildRemovesNoMonthThatOthersBegin(t *testing.T) {
	t.Parallel()
	store := empty()
	l, x := ledger.New(store, ledger.Config{}), index.New(store, index.Config{})
	putHour(t, x, hourRecord("prod", hourAt(t, "2026-11-20T05:00:00Z"), 1)) // not in the ledger
	hour := hourAt(t, "2026-11-20T06:00:00Z")
	b := &racing{Bucket: store, acts: []func(){func() { closed(t, l, x, "prod", hour, "gputally") }}}
	if err := index.New(b, index.Config{}).Rebuild(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, x).Hours["prod"]; len(got) != 1 || got[0].From != hour.From {
		t.Errorf("hours are %+v", got)
	}
}

func TestRebuildNamesWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	b := empty()
	l, x := library(t, b)
	hour := hourAt(t, "2026-11-01T00:00:00Z")
	overwrite(t, b, ledger.Key("prod", hour), "damaged")
	err := x.Rebuild(context.Background(), l)
	if key := ledger.Key("prod", hour); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("%v\nlacks %s", err, key)
	}
	if !errors.As(err, new(*ledger.CorruptError)) {
		t.Errorf("got %v", err)
	}
	s := stateOf(t, x)
	if len(s.Hours["prod"]) != 2 || len(s.Hours["edge"]) != 1 {
		t.Errorf("hours are %+v", s.Hours)
	}
}
