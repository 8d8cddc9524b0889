package ledger

import (
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Draft is an hour on its way into the ledger: it takes the hour's parts until
// Commit makes an object of them. A draft that is not committed leaves nothing.
// It holds what is encoded of the hour and one row group, not its segments.
type Draft struct {
	cluster string
	hour    window.Window

	rows    *sealed.Encoder[sealed.Row]
	digest  *sealed.Digest
	last    usage.Segment
	gpus    deviceList
	opening *edgeSet
	closing *edgeSet
	done    bool // committed, or failed
}

// Draft begins an hour.
func (s *Session) Draft(cluster string, hour window.Window) (*Draft, error) {
	return s.ledger.Draft(cluster, hour)
}

// Draft begins an hour.
func (l *Ledger) Draft(cluster string, hour window.Window) (*Draft, error) {
	if err := checkHour(cluster, hour); err != nil {
		return nil, fmt.Errorf("close hour %s of cluster %s: %w", hour, cluster, err)
	}
	zstd, err := sealed.NewCodec()
	if err != nil {
		return nil, err
	}
	return &Draft{
		cluster: cluster, hour: hour,
		rows: sealed.NewEncoder[sealed.Row](l.version, zstd), digest: sealed.NewDigest(), gpus: deviceList{end: hour.To.UnixMilli()},
		opening: &edgeSet{version: l.version, zstd: zstd}, closing: &edgeSet{version: l.version, zstd: zstd},
	}, nil
}

// Add takes the next part of the hour: sorted, and behind the parts before it.
// The part's slices may be used again after the call. After an error the draft
// can't be committed.
func (d *Draft) Add(p usage.Part) error {
	err := d.add(p)
	if err != nil {
		d.done = true
		return fmt.Errorf("close hour %s of cluster %s: %w", d.hour, d.cluster, err)
	}
	return nil
}

func (d *Draft) add(p usage.Part) error {
	if d.done {
		return errors.New("the draft is committed, or has failed, and takes no more parts")
	}
	for i := range p.Segments {
		seg := &p.Segments[i]
		err := seg.Check(d.cluster, d.hour)
		if err == nil && d.rows.Rows() > 0 && usage.Compare(d.last, *seg) > 0 {
			err = errors.New("comes before the segment that was added before it; parts must come sorted")
		}
		if err == nil {
			err = d.rows.Add(sealed.Row(*seg))
		}
		if err != nil {
			return segmentError(int(d.rows.Rows()), seg, err)
		}
		d.digest.Segment(seg)
		d.gpus.segment(seg)
		d.last = *seg
	}
	return errors.Join(d.opening.add(p.Opening), d.closing.add(p.Closing))
}
