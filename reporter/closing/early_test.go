package closing_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// showing is a source whose reads show what time it is.
type showing struct{ show func() }

func (s showing) Close(_ context.Context, hour window.Window, _ usage.Neighbours, _ func(usage.Part) error) (usage.Hour, error) {
	s.show()
	return usage.Hour{Cluster: "eu-1", Window: hour, Findings: []usage.Finding{}}, nil
}

// The clock turns out to be ahead when the samples of the hour are read.
func TestAnHourThatHasNotSettledIsNotClosed(t *testing.T) {
	t.Parallel()
	hour := window.Hour(instant("2026-11-20T10:00:00Z"))
	for sentence, c := range map[string]struct {
		shown string // what time it is
		early bool
	}{
		"in the middle of it":         {"2026-11-20T10:30:00Z", true},
		"after it, before it settled": {"2026-11-20T11:09:59Z", true},
		"when it has settled":         {"2026-11-20T11:10:00Z", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			for how, closeHour := range map[string]func(*closing.Cluster) (ledger.Entry, error){
				"close": func(of *closing.Cluster) (ledger.Entry, error) { return of.Close(t.Context(), hour) },
				"alone": func(of *closing.Cluster) (ledger.Entry, error) { return of.CloseAlone(t.Context(), hour) },
			} {
				now := instant("2026-11-20T12:00:00Z")
				clock := func() time.Time { return now }
				b := mem.New(clock)
				of := closing.New(closing.Config{
					Name: "eu-1", Source: showing{func() { now = instant(c.shown) }}, Ledger: ledger.New(b, ledger.Config{Now: clock}),
					Index: index.New(b, index.Config{Clock: clock}), Settle: 10 * time.Minute, Now: clock, Log: slog.New(slog.DiscardHandler),
				})
				_, err := closeHour(of)
				early := (*closing.EarlyError)(nil)
				if errors.As(err, &early) != c.early || (err != nil) != c.early {
					t.Fatalf("%s: %v", how, err)
				}
				if there := snapshot(t, b); (len(there) == 0) != c.early {
					t.Errorf("%s: objects %v", how, there)
				}
				work, err := of.Look(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(window.Hour(now.Add(-10*time.Minute)).From, work.Settled); diff != "" {
					t.Errorf("%s: settled (-want +got)\n%s", how, diff)
				}
			}
		})
	}
}
