package ledger

import (
	"context"

	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Scan reads columns of a closed hour, one row group after the other. It is
// the way to add up millions of segments: only the columns that are asked for
// are unpacked, and a name is made once for each row group.
type Scan struct {
	file *file
	rows *sealed.Scan
}

// Scan opens a closed hour. Errors: as Stat.
func (l *Ledger) Scan(ctx context.Context, cluster string, hour window.Window, columns usage.Columns) (*Scan, error) {
	f, err := l.hours.open(ctx, cluster, hour)
	if err != nil {
		return nil, err
	}
	return &Scan{f, f.rows.Scan(columns)}, nil
}

// Entry describes the object that is read.
func (s *Scan) Entry() Entry { return s.file.entry }

// Hour is the hour without its segments.
func (s *Scan) Hour() usage.Hour { return s.file.hour() }

// Next fills the batch with the next row group. Errors: io.EOF after the last
// one, *CorruptError.
func (s *Scan) Next(b *usage.Batch) error { return s.file.read(s.rows.Next(b)) }
