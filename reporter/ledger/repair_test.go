package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// Whoever reads the message can run what it says: close alone restates nothing, and
// goes back a day only.
func TestMessagesNameTheCommandThatRepairs(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"an hour":     {&ledger.CorruptError{Key: "ledger/hourly/k", Cluster: "eu-1", Hour: window.Hour(midnight.Add(-time.Hour)), Err: broken}, "gputally-reporter close --restate --cluster=eu-1 --from=2026-11-19T23 --to=2026-11-20T00"},
		"a day":       {&ledger.CorruptError{Key: "ledger/daily/k", Cluster: "eu-1", Hour: window.PeriodDay.Containing(midnight, time.UTC), Err: broken}, "gputally-reporter ledger compact --cluster=eu-1 --from=2026-11-20 --to=2026-11-21"},
		"edges":       {&ledger.EdgesError{Key: "k", Cluster: "eu-1", At: midnight, Err: broken}, "gputally-reporter close --restate --cluster=eu-1 --from=2026-11-19T23 --to=2026-11-20T01"},
		"open hours":  {&ledger.MissingError{Cluster: "eu-1", Hours: []window.Window{window.Hour(midnight), window.Hour(midnight.Add(time.Hour))}}, "gputally-reporter close --from=2026-11-20T00:00:00Z"},
		"an open one": {&ledger.MissingError{Cluster: "eu-1", Hours: []window.Window{window.Hour(midnight)}}, "gputally-reporter close --from=2026-11-20T00:00:00Z"},
	} {
		if text := tt.err.Error(); !strings.Contains(text, tt.want) {
			t.Errorf("%s: the message lacks %q: %s", name, tt.want, text)
		}
	}
}
