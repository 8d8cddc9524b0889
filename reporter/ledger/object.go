package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// raw is the object of an hour as the bucket gave it.
type raw struct {
	cluster string
	hour    window.Window
	object  bucket.Object
	data    []byte
}

// fetch reads an hour's object. Errors: *MissingError, the bucket's.
func (l *Ledger) fetch(ctx context.Context, cluster string, hour window.Window) (*raw, error) {
	data, object, err := bucket.ReadAll(ctx, l.bucket, Key(cluster, hour))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, &MissingError{Cluster: cluster, Hours: []window.Window{hour}}
	}
	if err != nil {
		return nil, fmt.Errorf("read hour: %w", err)
	}
	return &raw{cluster, hour, object, data}, nil
}

// file is an hour's object, opened.
type file struct {
	raw     *raw
	footer  footer
	parquet *parquet.File
}

// open reads the footer, after it made sure that not one byte of the object
// has changed. Errors: *CorruptError, *SchemaError.
func (r *raw) open() (*file, error) {
	if err := checkSeal(r.data); err != nil {
		return nil, r.damaged(err)
	}
	pq, err := parquet.OpenFile(bytes.NewReader(r.data), int64(len(r.data)),
		parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, r.damaged(err)
	}
	foot, err := parseFooter(pq.Lookup)
	var schema *SchemaError
	if errors.As(err, &schema) {
		schema.Key = r.object.Key
		return nil, schema
	}
	if err != nil {
		return nil, r.damaged(err)
	}
	if foot.Cluster != r.cluster || foot.Window != r.hour {
		return nil, r.damaged(fmt.Errorf("it holds %s of cluster %s", foot.Window, foot.Cluster))
	}
	return &file{r, foot, pq}, nil
}

func (r *raw) damaged(err error) *CorruptError {
	return &CorruptError{Key: r.object.Key, Cluster: r.cluster, Hour: r.hour, Err: err}
}

// entry describes the object.
func (f *file) entry() Entry {
	return newEntry(f.footer, f.raw.object, f.raw.data, f.parquet.NumRows())
}

func newEntry(f footer, object bucket.Object, data []byte, rows int64) Entry {
	sum := sha256.Sum256(data)
	return Entry{
		Cluster: f.Cluster, Window: f.Window, Revision: f.Revision,
		Key: object.Key, ETag: object.ETag, Size: int64(len(data)), Rows: rows, SHA256: hex.EncodeToString(sum[:]),
		Coverage: f.Coverage, Source: f.Source, Road: f.Road, Warnings: len(f.Warnings),
	}
}

// segments yields the rows of the file, one row group at a time. The slice is
// overwritten for the next one. Errors: *CorruptError, what yield returns.
func (f *file) segments(yield func([]usage.Segment) error) error {
	var rows []row
	var segments []usage.Segment
	for _, group := range f.parquet.RowGroups() {
		rows = slices.Grow(rows[:0], int(group.NumRows()))[:group.NumRows()]
		if err := readRows(group, rows); err != nil {
			return f.raw.damaged(err)
		}
		segments = segments[:0]
		for _, r := range rows {
			segments = append(segments, usage.Segment(r))
		}
		if err := yield(segments); err != nil {
			return err
		}
	}
	return nil
}

// readRows fills rows from the row group.
func readRows(group parquet.RowGroup, rows []row) error {
	r := parquet.NewGenericRowGroupReader[row](group)
	defer func() { _ = r.Close() }() // nothing to release that could fail
	for n := 0; n < len(rows); {
		m, err := r.Read(rows[n:])
		n += m
		if n < len(rows) && err != nil {
			return fmt.Errorf("row %d of %d: %w", n, len(rows), err)
		}
	}
	return nil
}
