package serve_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// revisions are those of the daily report of the 19th, the latest first.
func (r *replica) revisions(t *testing.T) (all []int) {
	t.Helper()
	for record, err := range r.archive.List(t.Context(), archive.Query{Name: "daily", Period: "2026-11-19"}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, record.Revision)
	}
	return all
}

// A command restates hours of a report while the service runs.
func TestReportsOfHoursThatACommandRestatedAreMadeAgain(t *testing.T) {
	t.Parallel()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplica(t, b, instant("2026-11-20T02:11:00Z"), "eu-1")
	for range 12 { // what it changed itself is looked at, too
		r.server.Round(t.Context())
		r.now = r.now.Add(30 * time.Second)
	}
	if got := r.revisions(t); len(got) != 1 {
		t.Fatalf("revisions %v before anything changed", got)
	}
	command := closing.New(closing.Config{
		Name: "eu-1", Source: source{cluster: "eu-1", idle: 60_000},
		Ledger: ledger.New(b, ledger.Config{}), Index: index.New(b, index.Config{}),
		Settle: 10 * time.Minute, Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
	})
	done, err := command.Restate(t.Context(), []window.Window{window.Hour(instant("2026-11-19T12:00:00Z"))}, nil, func(window.Window) {})
	if err != nil || len(done.Changed) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	for range 11 { // a bit more than five minutes
		r.server.Round(t.Context())
		r.now = r.now.Add(30 * time.Second)
	}
	if got := r.revisions(t); len(got) != 2 || got[0] != 2 {
		t.Errorf("revisions %v, want the second", got)
	}
}
