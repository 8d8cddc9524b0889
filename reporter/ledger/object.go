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

// hour is what the footer says of the hour.
func (f *file) hour() usage.Hour {
	return usage.Hour{
		Cluster: f.footer.Cluster, Window: f.footer.Window, Coverage: f.footer.Coverage,
		Source: f.footer.Source, Road: f.footer.Road, Exceptions: f.footer.Exceptions,
	}
}

func newEntry(f footer, object bucket.Object, data []byte, rows int64) Entry {
	sum := sha256.Sum256(data)
	return Entry{
		Cluster: f.Cluster, Window: f.Window, Revision: f.Revision,
		Key: object.Key, ETag: object.ETag, Size: int64(len(data)), Rows: rows, SHA256: hex.EncodeToString(sum[:]),
		Coverage: f.Coverage, Source: f.Source, Road: f.Road, Exceptions: len(f.Exceptions),
	}
}

// segments yields the rows of the file, one row group at a time. The slice is
// overwritten for the next one. Errors: *CorruptError, what yield returns.
func (f *file) segments(yield func([]usage.Segment) error) error {
	var segments []usage.Segment
	for _, group := range f.parquet.RowGroups() {
		segments = slices.Grow(segments[:0], int(group.NumRows()))[:group.NumRows()]
		clear(segments)
		if err := f.readGroup(group, segments); err != nil {
			return f.raw.damaged(err)
		}
		if err := yield(segments); err != nil {
			return err
		}
	}
	return nil
}

// readGroup reads a row group. A column that the file does not have is one
// that was added later, and stays zero.
func (f *file) readGroup(group parquet.RowGroup, segments []usage.Segment) error {
	chunks := group.ColumnChunks()
	for _, c := range columns() {
		leaf, ok := f.parquet.Schema().Lookup(c.name)
		if !ok {
			continue
		}
		pages := chunks[leaf.ColumnIndex].Pages()
		err := c.read(pages, segments)
		if err := errors.Join(err, pages.Close()); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}
