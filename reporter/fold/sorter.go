package fold

import (
	"cmp"
	"slices"

	"github.com/gputally/gputally/reporter/usage"
)

// sorter brings parts into the order of UUIDs. Pieces come in that order, except
// that those of place 0 have the UUIDs that are unlike all others, and that the
// halves of one piece come in any order. So it keeps the parts of place 0, and the
// halves of one piece until the next; both are small against the samples.
type sorter struct {
	emit  func(usage.Part) error
	carry func(p *usage.Part, upTo string) error // adds what no sample shows
	odd   usage.Part                             // of the first piece: waits for its place
	open  usage.Part                             // of the piece at place
	place int
}

// add takes the part of a piece, which is valid during the call only.
func (s *sorter) add(place int, p usage.Part) error {
	if place != s.place {
		if err := s.turn(place); err != nil {
			return err
		}
	}
	s.open.Segments = append(s.open.Segments, p.Segments...)
	s.open.Opening = append(s.open.Opening, p.Opening...)
	s.open.Closing = append(s.open.Closing, p.Closing...)
	return nil
}

// turn hands on the piece that is complete.
func (s *sorter) turn(next int) error {
	if s.place == 0 {
		s.odd, s.open = s.open, usage.Part{}
		sortPart(&s.odd)
	} else if uuid := last(s.open); uuid != "" {
		if err := s.hand(uuid); err != nil {
			return err
		}
	}
	s.place = next
	return nil
}

// flush hands on the rest.
func (s *sorter) flush() error {
	if err := s.turn(s.place + 1); err != nil {
		return err
	}
	return s.hand("")
}

// hand emits the open part with what is odd up to a UUID; "" stands for all.
func (s *sorter) hand(upTo string) error {
	s.open.Segments = append(s.open.Segments, cut(&s.odd.Segments, upTo, func(r usage.Segment) string { return r.UUID })...)
	s.open.Opening = append(s.open.Opening, cut(&s.odd.Opening, upTo, func(e usage.Edge) string { return e.UUID })...)
	s.open.Closing = append(s.open.Closing, cut(&s.odd.Closing, upTo, func(e usage.Edge) string { return e.UUID })...)
	p := s.open
	if err := s.carry(&p, upTo); err != nil {
		return err
	}
	s.open = usage.Part{Segments: p.Segments[:0], Opening: p.Opening[:0], Closing: p.Closing[:0]}
	if len(p.Segments)+len(p.Opening)+len(p.Closing) == 0 {
		return nil
	}
	sortPart(&p)
	return s.emit(p)
}

// sortPart sorts what is not sorted.
func sortPart(p *usage.Part) {
	if !slices.IsSortedFunc(p.Segments, usage.Compare) {
		slices.SortFunc(p.Segments, usage.Compare)
	}
	if !slices.IsSortedFunc(p.Opening, usage.CompareEdges) {
		slices.SortFunc(p.Opening, usage.CompareEdges)
	}
	if !slices.IsSortedFunc(p.Closing, usage.CompareEdges) {
		slices.SortFunc(p.Closing, usage.CompareEdges)
	}
}

// last is the last UUID in a part.
func last(p usage.Part) string {
	var uuid string
	for _, s := range p.Segments {
		uuid = max(uuid, s.UUID)
	}
	for _, e := range p.Closing {
		uuid = max(uuid, e.UUID)
	}
	for _, e := range p.Opening {
		uuid = max(uuid, e.UUID)
	}
	return uuid
}

// cut takes from sorted rows those up to a UUID.
func cut[T any](rows *[]T, upTo string, uuid func(T) string) []T {
	n := len(*rows)
	if upTo != "" {
		n, _ = slices.BinarySearchFunc(*rows, upTo, func(r T, upTo string) int {
			if c := cmp.Compare(uuid(r), upTo); c != 0 {
				return c
			}
			return -1 // those with the UUID itself, too
		})
	}
	taken := (*rows)[:n]
	*rows = (*rows)[n:]
	return taken
}
