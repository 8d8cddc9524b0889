package archive

import (
	"log/slog"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/price"
	"github.com/gputally/gputally/reporter/quota"
)

// Config is what an Archive uses.
type Config struct {
	Bucket bucket.Bucket // where the reports are
	Index  *index.Index  // of closed hours
	// Prices and Projects are those that the tables are made with. Either may be nil.
	Prices   *price.Book
	Projects *quota.Projects
	// Clock gives the time of publishing. Without one, manifests have no created_at.
	Clock func() time.Time
	// Logger gets a warning for each manifest that can't be read while reports
	// are compared. Default: none.
	Logger *slog.Logger
}

// Archive holds the published reports of a bucket.
//
// All methods may be called by many goroutines, and by many processes (replicas,
// commands) on one bucket. They return early, with the error of the context,
// once that has ended.
//
// Atomicity: a report appears at once, with its manifest, and with all of its
// files. Its files and its manifest never change until it is deleted. Whatever a
// process that crashed while publishing has left is not a report, is never listed,
// and never becomes a part of another report. A report that is being deleted may be
// listed and not be there.
//
// Idempotency: every method may be called again after any failure. Publish of
// the table that was published last gives the report that is there.
//
// Ordering: the reports of a name and period are revisions 1, 2, …, in which a
// crash may leave holes; each supersedes the one before. Latest never goes back to a
// lower revision, unless the higher one was deleted. Once Publish has returned, every
// List, Latest and Outdated of every process shows the report. What others publish
// while a List runs may show or not.
//
// Errors: those of the bucket (bucket.ErrDenied, bucket.ErrNoBucket, and any
// other, which may pass) come from all methods. *index.RecordError and
// *index.VersionError, of an index that is damaged or of a later version, come from
// all but Latest, Manifest and Open. *index.ConflictError comes from those that
// write, when others were faster each time. A method's own comment names the rest.
type Archive struct {
	bucket bucket.Bucket
	index  *index.Index
	prices *price.Book
	quotas *quota.Projects
	now    func() time.Time
	log    *slog.Logger

	months *index.Collection[Record] // of the index, one for each name and month
	whole  *index.Collection[Record] // of the index as earlier versions wrote it
	wholes wholes
	read   *cache[string, month]   // objects of the index, by key
	made   *cache[string, sources] // by the hash of a manifest
}

// New returns the archive in a bucket. It asks the bucket for nothing.
func New(c Config) *Archive {
	own := index.Config{Clock: c.Clock, Logger: c.Logger}
	if c.Clock == nil {
		c.Clock = func() time.Time { return time.Time{} }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Archive{
		bucket: c.Bucket, index: c.Index, prices: c.Prices, quotas: c.Projects, now: c.Clock, log: c.Logger,
		months: index.NewCollection(c.Bucket, own, checkMonth, compare),
		whole:  index.NewCollection(c.Bucket, own, checkWhole, compare),
		read:   newCache[string, month](maxMonths),
		made:   newCache[string, sources](maxMade),
	}
}
