package series

// Kind sorts the failures of a server by what can be done about them. A Kind is
// itself an error, so that errors.Is(err, Limit) asks for it.
type Kind string

// The kinds of failure.
const (
	Unreachable  Kind = "unreachable"  // no connection, or it broke
	Unauthorized Kind = "unauthorized" // credentials are missing or not enough
	Rejected     Kind = "rejected"     // the server does not want this request, now or later
	Limit        Kind = "limit"        // the request asks for more than the server gives at once; a smaller one may pass
	Overloaded   Kind = "overloaded"   // too busy; the same request may pass later
	Timeout      Kind = "timeout"      // it took too long; a smaller one may pass
	Failed       Kind = "failed"       // the server failed at the request and says so
	Partial      Kind = "partial"      // the server answers without a part of its data; the same request may get all later
	Protocol     Kind = "protocol"     // the answer is not what the protocol says
)

// Error makes a Kind a target for errors.Is.
func (k Kind) Error() string { return string(k) }
