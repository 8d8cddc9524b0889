package ledger

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// file is a closed hour, opened: in its own object or in its day's.
type file struct {
	object string // that the rows are in
	footer footer
	entry  Entry
	rows   sealed.Rows // the hour's

	unknown []string                   // columns of a later version, which can't be copied
	rest    map[string]json.RawMessage // what a later version's day says of it
}

// open reads the footer of an hour's own object. Errors: *CorruptError,
// *SchemaError.
func (r *raw) open(cluster string, hour window.Window) (*file, error) {
	opened, err := sealed.OpenSegments(r.data)
	if err != nil {
		return nil, damaged(r.object.Key, cluster, hour, cause(err))
	}
	foot, err := parseFooter(opened.Pairs())
	if err == nil && (foot.Cluster != cluster || foot.Window != hour) {
		err = fmt.Errorf("it holds %s of cluster %s", foot.Window, foot.Cluster)
	}
	if err != nil {
		return nil, damaged(r.object.Key, cluster, hour, err)
	}
	entry := foot.entry()
	entry.Key, entry.ETag, entry.Size, entry.SHA256 = r.object.Key, r.object.ETag, int64(len(r.data)), opened.SHA256
	rows := opened.Rows()
	entry.Rows = rows.Count()
	return &file{object: r.object.Key, footer: foot, entry: entry, rows: rows, unknown: opened.Unknown()}, nil
}

// cause is what is wrong with a sealed file.
func cause(err error) error {
	if damage := (*sealed.DamagedError)(nil); errors.As(err, &damage) {
		return damage.Err
	}
	return err
}

// damaged is the error of an object that is not what it should be. Errors:
// *CorruptError, *SchemaError.
func damaged(key, cluster string, w window.Window, err error) error {
	var schema *SchemaError
	if errors.As(err, &schema) {
		return &SchemaError{Key: key, Schema: schema.Schema}
	}
	return &CorruptError{Key: key, Cluster: cluster, Hour: w, Err: err}
}

// entry is what the footer knows of an entry.
func (f footer) entry() Entry {
	return Entry{
		Cluster: f.Cluster, Window: f.Window, Revision: f.Revision,
		Coverage: f.Coverage, Source: f.Source, Road: f.Road, Findings: len(f.Findings),
	}
}

// hour is what the footer says of the hour.
func (f *file) hour() usage.Hour {
	return usage.Hour{
		Cluster: f.footer.Cluster, Window: f.footer.Window, Coverage: f.footer.Coverage,
		Source: f.footer.Source, Road: f.footer.Road, Findings: f.footer.Findings,
	}
}

// segments yields the rows of the file, one row group at a time. The slice is
// overwritten for the next one. Errors: *CorruptError, what yield returns.
func (f *file) segments(yield func([]usage.Segment) error) error {
	return f.read(f.rows.Segments(yield))
}

// read is the error of reading rows: of the object if they are damaged.
func (f *file) read(err error) error {
	if damage := (*sealed.DamagedError)(nil); errors.As(err, &damage) {
		return damaged(f.object, f.footer.Cluster, f.footer.Window, damage.Err)
	}
	return err
}

// encode writes the hour as an object of its own.
func (f *file) encode() (*sealed.Content, error) {
	zstd, err := sealed.NewCodec()
	if err != nil {
		return nil, err
	}
	e := sealed.NewEncoder[sealed.Row](f.footer.Writer, zstd)
	if err := f.copyTo(e); err != nil {
		return nil, err
	}
	pairs, err := f.footer.pairs()
	if err != nil {
		return nil, err
	}
	return e.Finish(pairs)
}

// copyTo adds the rows of the hour. Errors: *SchemaError if some of them would be
// lost, *CorruptError.
func (f *file) copyTo(e *sealed.Encoder[sealed.Row]) error {
	if len(f.unknown) > 0 {
		return &SchemaError{Key: f.object, Schema: schemaVersion, Columns: f.unknown}
	}
	return f.segments(func(segments []usage.Segment) error {
		for _, seg := range segments {
			if err := e.Add(sealed.Row(seg)); err != nil {
				return err
			}
		}
		return nil
	})
}
