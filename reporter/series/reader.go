package series

import "context"

// Reader reads raw series.
type Reader interface {
	// Read calls yield with every series that the query picks; a series is
	// valid during the call only. Series come in any order, and the same one
	// may come again with other samples. An error, also of yield, ends the
	// reading, and what was yielded counts for nothing.
	Read(ctx context.Context, q Query, yield func(Series) error) error
	// Road names how series are read, such as "remote_read". It is known after
	// the first read.
	Road() string
}
