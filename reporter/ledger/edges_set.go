package ledger

import (
	"fmt"
	"time"

	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// edgeSet collects the edges of a draft at one instant. The digest of a set is
// its name: two hours that meet at an instant name the same object if they have
// stored the same edges.
type edgeSet struct {
	version string
	zstd    sealed.Codec
	rows    *sealed.Encoder[sealed.EdgeRow] // nil until there is an edge
	digest  *sealed.Digest
	last    usage.Edge
}

func (s *edgeSet) add(all []usage.Edge) error {
	for i := range all {
		e := &all[i]
		if s.rows == nil {
			s.rows, s.digest = sealed.NewEncoder[sealed.EdgeRow](s.version, s.zstd), sealed.NewDigest()
		} else if usage.CompareEdges(s.last, *e) >= 0 {
			return fmt.Errorf("edge of GPU %s, pod %s, container %s comes before or again after the edge that was added before it; parts must come sorted",
				e.UUID, e.Pod, e.Container)
		}
		if err := s.rows.Add(sealed.NewEdgeRow(*e)); err != nil {
			return err
		}
		s.digest.Edge(e)
		s.last = *e
	}
	return nil
}

// sum is the set's digest, "" if it has no edges.
func (s *edgeSet) sum() string {
	if s.rows == nil {
		return ""
	}
	return s.digest.Sum()
}

// finish encodes the set; nil if it has no edges.
func (s *edgeSet) finish(cluster string, at time.Time) (*edgesDraft, error) {
	name := s.sum()
	if name == "" {
		return nil, nil
	}
	pairs := frame(cluster, window.Window{From: at, To: at}, s.version)
	pairs["gputally.rows_sha256"] = name
	content, err := s.rows.Finish(pairs)
	return &edgesDraft{cluster: cluster, at: at, name: name, content: content}, err
}
