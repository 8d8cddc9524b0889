package prom

import (
	"net/http"
	"slices"
	"strings"
)

// kindOf sorts an answer by its status, and by its text where servers put their
// limits under a status that also means other things.
func kindOf(status int, text string) Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return Unauthorized
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout, speaksOf(text, "deadline exceeded", "timed out"):
		return Timeout
	case status == http.StatusTooManyRequests:
		return Overloaded
	case status == http.StatusRequestEntityTooLarge, speaksOf(text, limitWords()...):
		return Limit
	case status == http.StatusServiceUnavailable:
		return Overloaded
	case status == http.StatusBadGateway:
		return Unreachable
	case status >= 500, status == http.StatusOK:
		return Failed
	}
	return Rejected
}

// limitWords are in the texts of servers that were asked for too much at once:
// Prometheus says "exceeded sample limit" and "too many samples", Mimir "the
// query exceeded the maximum number of chunks", Thanos "limit … violated".
func limitWords() []string {
	return []string{"exceed", "limit", "too large", "too many samples", "too many series", "too many chunks"}
}

// speaksOf reports whether a text has one of the words, which are in lower case.
func speaksOf(text string, words ...string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}
