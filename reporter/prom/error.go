package prom

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

// ErrNotStreamed is wrapped by the Error of a server that answers a remote read
// but can't stream chunks.
var ErrNotStreamed = errors.New("server does not stream remote reads")

// ErrTruncated is wrapped by the Error of an answer that ends too early.
var ErrTruncated = errors.New("answer is cut short")

// Error is a failure of the server or on the way to it.
type Error struct {
	URL     string // what was asked, without credentials
	Status  int    // HTTP status, 0 if there was no answer
	Kind    series.Kind
	Message string // what the server said, "" if nothing
	Err     error  // the cause, nil if the status says it all

	retry bool          // the same request may be sent again
	after time.Duration // the server wants to be left alone for so long
}

// Error tells what was asked, what came back and what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	if e.URL != "" {
		b.WriteString(e.URL + ": ")
	}
	b.WriteString(string(e.Kind))
	// An error in mid-stream comes under status 200.
	if e.Status != 0 && e.Status != http.StatusOK {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": server says %q", e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if hint := e.Hint(); hint != "" {
		b.WriteString(" (" + hint + ")")
	}
	return b.String()
}

// RetryAfter is how long the server asked to be left alone, at most a day; 0 if
// it did not ask.
func (e *Error) RetryAfter() time.Duration { return e.after }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(series.Kind)
	return ok && k == e.Kind
}

// Hint tells the operator what to look at.
func (e *Error) Hint() string {
	switch e.Kind {
	case series.Unreachable:
		return "check the URL, that the server runs, and network policies and proxies on the way"
	case series.Unauthorized:
		return "check the credentials and the tenant header configured for this source"
	case series.Rejected:
		if e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed {
			return "the URL must be the server's base URL, with its path prefix if it has one and without /api/v1"
		}
		return "check the source's selector and URL"
	case series.Limit:
		return "read smaller pieces, or raise the server's limit"
	case series.Overloaded:
		return "lower the number of reads at once, or try later"
	case series.Timeout:
		return "raise the source's timeout, or check the load of the server and the network on the way"
	case series.Failed:
		return "see the server's log"
	case series.Partial:
		return "check the stores and replicas behind the server: what they hold is missing"
	case series.Protocol:
		if errors.Is(e.Err, ErrNoRoad) {
			return "the URL must be the base URL of a Prometheus, Mimir, Thanos querier or VictoriaMetrics"
		}
		if errors.Is(e.Err, ErrNotStreamed) {
			return "the URL must lead to a server with chunked remote read, such as Prometheus or Mimir"
		}
		return "check what stands between this program and the server"
	}
	return ""
}

// garbled returns the Error of an answer that breaks the protocol.
func garbled(format string, args ...any) *Error {
	return &Error{Kind: series.Protocol, Err: fmt.Errorf(format, args...)}
}
