package prom

import "context"

// request is what a road is asked for.
type request struct {
	from, to int64 // Unix milliseconds, both included
	matchers []Matcher
}

// road is one way to get raw samples out of a server.
type road interface {
	// name is what the record of a read calls the road.
	name() string
	// read sends one request and yields the series of the answer as Client.Read
	// describes. It does not try again. Errors: *Error, the context's, yield's.
	read(ctx context.Context, s *server, r request, yield func(Series) error) error
}
