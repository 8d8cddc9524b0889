package prom

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gputally/gputally/reporter/series"
)

// kindOf sorts an answer by its status, and by its text where servers put what
// failed under a status that also means other things.
func kindOf(status int, text string) series.Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return series.Unauthorized
	case status == http.StatusTooManyRequests, speaksOf(text, busyWords()...):
		return series.Overloaded
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout, speaksOf(text, timeoutWords()...):
		return series.Timeout
	case status == http.StatusRequestEntityTooLarge, speaksOf(text, limitWords()...):
		return series.Limit
	case speaksOf(text, partialWords()...):
		return series.Partial
	case status == http.StatusServiceUnavailable, status == clientClosedRequest:
		return series.Overloaded
	case status == http.StatusBadGateway:
		return series.Unreachable
	case status == http.StatusNotImplemented:
		return series.Rejected
	case status >= 500, status == http.StatusOK:
		return series.Failed
	}
	return series.Rejected
}

// clientClosedRequest is the status with which Prometheus and Mimir tell of a
// query that was cancelled, also by their own end.
const clientClosedRequest = 499

// busyWords are in the texts of servers that have too many requests at once.
// VictoriaMetrics names its flags for that, which look like limits.
func busyWords() []string {
	return []string{"maxconcurrentrequests", "maxqueueduration", "too many outstanding requests", "too many concurrent"}
}

// timeoutWords are in the texts of servers that gave up. VictoriaMetrics says
// "timeout exceeded" and names the flag.
func timeoutWords() []string {
	return []string{"deadline exceeded", "deadlineexceeded", "timed out", "timeout exceeded", "maxqueryduration"}
}

// limitWords are in the texts of servers that were asked for too much at once:
// Prometheus says "exceeded sample limit" and "too many samples", Mimir "the
// query exceeded the maximum number of chunks", Thanos "limit 1 violated", gRPC
// "received message larger than max", VictoriaMetrics "more than" something
// and names the flag.
func limitWords() []string {
	return []string{
		"exceed", "limit", "violated", "too large", "larger than max", "resourceexhausted", "search.max",
		"too many samples", "too many series", "too many chunks", "too many points", "err-mimir-max-",
	}
}

// partialWords are in the texts of servers that got no answer from a store
// behind them, as Thanos and Mimir pass it on.
func partialWords() []string {
	return []string{
		"code = unavailable", "code = aborted", "no storeapis", "failed to fetch some blocks",
		"store-consistency-check-failed", "cannot fetch query results from vmstorage",
	}
}

// speaksOf reports whether a text has one of the words, which are in lower case.
func speaksOf(text string, words ...string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}
