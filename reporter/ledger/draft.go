package ledger

import (
	"slices"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Draft is an hour on its way into the ledger: it takes the hour's parts until
// Commit makes an object of them. A draft that is not committed leaves nothing.
type Draft struct {
	cluster  string
	hour     window.Window
	segments []usage.Segment
}

// Draft begins an hour.
func (l *Ledger) Draft(cluster string, hour window.Window) (*Draft, error) {
	return &Draft{cluster: cluster, hour: hour}, nil
}

// Add takes the next part of the hour. The part's slices may be used again
// after the call.
func (d *Draft) Add(p usage.Part) error {
	d.segments = append(d.segments, slices.Clone(p.Segments)...)
	return nil
}
