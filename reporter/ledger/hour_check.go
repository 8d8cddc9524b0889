package ledger

import (
	"fmt"

	"github.com/gputally/gputally/reporter/usage"
)

// segmentError says which segment of an hour is not fit to be kept.
func segmentError(i int, seg *usage.Segment, err error) error {
	return fmt.Errorf("segment %d (GPU %s, pod %s/%s): %w", i, seg.UUID, seg.Namespace, seg.Pod, err)
}
