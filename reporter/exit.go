package reporter

import (
	"context"
	"errors"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/command"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source"
)

// Exit codes of gputally-reporter, as documented in the README.
const (
	ExitOK          = 0
	ExitFailure     = 1   // anything else
	ExitUsage       = 2   // flags or configuration
	ExitSource      = 3   // Prometheus can't be read, answers incompletely, has no samples, or fewer than when the hour was closed
	ExitBucket      = 4   // the bucket refuses, can't be reached, or was written by another process in the meantime
	ExitReport      = 5   // a report was made and is Failed: coverage, unpriced models
	ExitNotReady    = 6   // check --live found something that would go wrong
	ExitLedger      = 7   // ledger verify found something wrong with the ledger
	ExitDamage      = 8   // an object in the bucket is damaged, gone, or of a later version of the program
	ExitInterrupted = 130 // a signal ended the command, as shells say it
)

// ExitCode maps what Run returned to an exit code. Of an error that is several,
// the first class of the table counts.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	for _, c := range classes() {
		for _, has := range c.has {
			if has(err) {
				return c.code
			}
		}
	}
	return ExitFailure
}

// class is a kind of failure: the errors that are of it and its exit code.
type class struct {
	code int
	has  []func(error) bool
}

// classes are all kinds of failure, in the order in which they count. Damage comes before the bucket, because
// an object that is gone is both. An hour that is missing is the bucket's: it is
// what a command looked for there.
func classes() []class {
	return []class{
		{ExitInterrupted, []func(error) bool{is(context.Canceled)}},
		{ExitUsage, []func(error) bool{
			as[*command.UsageError], as[*reporting.SpecError], as[*closing.AgeError], as[config.Errors], as[config.Error],
			as[*price.BookError], as[*price.RateError], as[*quota.PoolError], as[*quota.ProjectError], as[*schedule.FieldError], as[*archive.NameError],
		}},
		{ExitReport, []func(error) bool{is(command.ErrReportFailed)}},
		{ExitNotReady, []func(error) bool{is(command.ErrNotReady)}},
		{ExitLedger, []func(error) bool{is(command.ErrFindings)}},
		{ExitSource, []func(error) bool{
			as[*prom.Error], as[series.Kind], as[*closing.LessError], as[*closing.EarlyError], is(source.ErrNoData), is(source.ErrIncomplete), is(source.ErrLabels),
			is(prom.ErrNoRoad), is(prom.ErrNotStreamed), is(prom.ErrTruncated), is(prom.ErrDownsampled),
		}},
		{ExitDamage, []func(error) bool{
			as[*ledger.CorruptError], as[*ledger.EdgesError], as[*ledger.SchemaError], as[*ledger.StrayError], as[*sealed.DamagedError],
			as[*index.RecordError], as[*index.VersionError], as[*archive.DamageError], is(rollup.ErrDamaged),
		}},
		{ExitBucket, []func(error) bool{
			as[*bucket.OpError], as[*ledger.MissingError], as[*ledger.ConflictError], as[*index.ConflictError],
			is(bucket.ErrNotFound), is(bucket.ErrNoBucket), is(bucket.ErrConflict), is(bucket.ErrDenied), is(bucket.ErrNoSpace),
			is(bucket.ErrInvalidKey), is(bucket.ErrInvalidCondition), is(bucket.ErrSize), is(ledger.ErrHourMissing),
		}},
	}
}

// as tells whether an error of type E is in err.
func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// is returns whether target is in an error.
func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}
