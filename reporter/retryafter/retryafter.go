package retryafter

import (
	"net/http"
	"strconv"
	"time"
)

// Longest bounds what a server may ask for.
const Longest = 24 * time.Hour

// Of reads the Retry-After of an answer's headers, 0 if there is none: a number of
// seconds, or a date, which is compared with the server's own Date, so that clocks
// don't matter.
func Of(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseInt(v, 10, 32); err == nil {
		return min(max(0, time.Duration(n)*time.Second), Longest)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), Longest)
}
