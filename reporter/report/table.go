package report

import (
	"cmp"
	"crypto/sha256"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/checksum"
)

// Table is a report ready to be written.
type Table struct {
	Spec     Spec
	Clusters []string // sorted; those of the Spec, or those found
	Total    Row      // without key
	Coverage Coverage
	// ByCluster is the coverage of each of the Clusters.
	ByCluster []Coverage
	Missing   []Gap // hours that are not closed, by cluster and time

	Inputs   Inputs
	Sources  []string // source profiles, sorted
	Roads    []string // sorted
	Warnings []string
	// Findings are those of the hours, and what the report found itself, sorted by
	// cluster and code.
	Findings []Finding
	Failures []string // why the report is Failed; empty if it is Ready

	Currency          string // "" without a price book: then there are no cost columns
	PriceBookRevision string
	HasQuota          bool // there are quota columns
	QuotaRevision     string

	Zone *time.Location // that of the Spec
	// Content has the rows, in the order of the files.
	Content Rows
}

// Rows are the rows of a table. There may be a million of them, so each is put
// together when it is asked for, and may be asked for again: a file is written
// more than once, and read from any place.
type Rows interface {
	// Len is the number of rows.
	Len() int
	// At returns the row at a place from 0 to Len()-1, the same each time.
	At(i int) Row
}

// Len is the number of rows.
func (t Table) Len() int { return t.Content.Len() }

// Rows yields the rows, in order.
func (t Table) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := range t.Content.Len() {
			if !yield(t.Content.At(i)) {
				return
			}
		}
	}
}

// Inputs names the closed hours that a report was made from.
type Inputs struct {
	Hours int `json:"hours"`
	// SHA256 is the hash of one line per hour, sorted: cluster, start, revision
	// and hash of the ledger object.
	SHA256 string `json:"sha256"`
}

// State is Ready, or Failed if there are failures.
func (t Table) State() State {
	if len(t.Failures) > 0 {
		return Failed
	}
	return Ready
}

// Input names the content of one closed hour.
type Input struct {
	Cluster  string
	From     time.Time
	Revision int
	SHA256   string // of the ledger object
}

// Digest names the inputs whatever order they came in.
func Digest(inputs []Input) Inputs {
	sorted := slices.Clone(inputs)
	slices.SortFunc(sorted, func(a, b Input) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), a.From.Compare(b.From))
	})
	sum := sha256.New()
	var line []byte
	for _, in := range sorted { // a month of many clusters has thousands, and is compared each hour
		line = append(append(line[:0], in.Cluster...), ' ')
		line = append(in.From.UTC().AppendFormat(line, time.RFC3339), ' ')
		line = append(strconv.AppendInt(line, int64(in.Revision), 10), ' ')
		line = append(append(line, in.SHA256...), '\n')
		_, _ = sum.Write(line) // a hash never fails to take bytes
	}
	return Inputs{len(inputs), checksum.Of(sum)}
}
