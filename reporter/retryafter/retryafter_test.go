package retryafter_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/retryafter"
)

func TestServersSayHowLongTheyWantToBeLeftAlone(t *testing.T) {
	t.Parallel()
	const date = "Fri, 20 Nov 2026 10:00:00 GMT"
	for sentence, c := range map[string]struct {
		after, date string
		want        time.Duration
	}{
		"nothing is asked for":              {"", date, 0},
		"seconds":                           {"120", "", 2 * time.Minute},
		"no time":                           {"0", date, 0},
		"less than no time":                 {"-5", date, 0},
		"a day and a second":                {"86401", "", 24 * time.Hour},
		"a date, by the server's own clock": {"Fri, 20 Nov 2026 10:01:30 GMT", date, 90 * time.Second},
		"a date that is past":               {"Fri, 20 Nov 2026 09:00:00 GMT", date, 0},
		"a date far away":                   {"Sat, 20 Nov 2027 10:00:00 GMT", date, 24 * time.Hour},
		"a date without the server's own":   {"Fri, 20 Nov 2026 10:01:30 GMT", "", 0},
		"words":                             {"soon", date, 0},
	} {
		h := http.Header{}
		h.Set("Retry-After", c.after)
		h.Set("Date", c.date)
		if got := retryafter.Of(h); got != c.want {
			t.Errorf("%s: %s, want %s", sentence, got, c.want)
		}
	}
}
