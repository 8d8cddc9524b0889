package bucket

import "time"

// OpError is an operation on a store that failed. It unwraps to its kind and
// its cause. It never has credentials in it.
type OpError struct {
	Op     string // "put"
	Object string // the address of the object or bucket: "s3://books/reports/x.csv"
	Kind   error  // one of the errors of this package, or nil
	Err    error  // what the store or the way to it said, or nil
	Hint   string // what the operator can do about it, or ""
	// After is how long the store asked to be left alone, 0 if it did not.
	After time.Duration
}

// RetryAfter is how long the store asked to be left alone, 0 if it did not ask.
func (e *OpError) RetryAfter() time.Duration { return e.After }

func (e *OpError) Error() string {
	msg := e.Op + " " + e.Object
	for _, err := range e.Unwrap() {
		msg += ": " + err.Error()
	}
	if e.Hint != "" {
		msg += " (" + e.Hint + ")"
	}
	return msg
}

// Unwrap gives the kind and the cause, as far as they are known.
func (e *OpError) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}
