package reporter

import (
	"errors"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/usage"
)

// Exit codes of gputally-reporter, as documented in the README.
const (
	ExitOK       = 0
	ExitFailure  = 1 // anything else
	ExitUsage    = 2 // flags or configuration
	ExitSource   = 3 // Prometheus can't be read, or has no samples, or fewer than when the hour was closed
	ExitBucket   = 4 // the bucket refuses, or can't be reached
	ExitReport   = 5 // a report was made and is Failed: coverage, unpriced models
	ExitNotReady = 6 // check --live found something that would go wrong
	ExitLedger   = 7 // ledger verify found something wrong with the ledger
)

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// bucketError is a failure on the way to or in the bucket.
type bucketError struct{ err error }

func (e bucketError) Error() string { return e.err.Error() }
func (e bucketError) Unwrap() error { return e.err }

// inBucket marks an error as the bucket's.
func inBucket(err error) error {
	if err == nil {
		return nil
	}
	return bucketError{err}
}

var (
	errReportFailed = errors.New("the report is Failed")
	errNotReady     = errors.New("not ready")
	errFindings     = errors.New("the ledger is not in order")
)

// ExitCode maps what Run returned to an exit code.
func ExitCode(err error) int {
	var (
		use     usageError
		inStore bucketError
		source  *prom.Error
		cfg     config.Errors
		missing *ledger.MissingError
		less    *lessError
	)
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &use), errors.As(err, &cfg):
		return ExitUsage
	case errors.Is(err, errReportFailed):
		return ExitReport
	case errors.Is(err, errNotReady):
		return ExitNotReady
	case errors.Is(err, errFindings):
		return ExitLedger
	case errors.As(err, &source), errors.Is(err, usage.ErrNoData), errors.As(err, &less):
		return ExitSource
	case errors.As(err, &inStore), errors.As(err, &missing), errors.Is(err, bucket.ErrDenied), errors.Is(err, bucket.ErrConflict):
		return ExitBucket
	default:
		return ExitFailure
	}
}
