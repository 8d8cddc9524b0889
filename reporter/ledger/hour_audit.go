package ledger

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
)

// mostNamed bounds how many GPUs a finding names.
const mostNamed = 3

// audit holds the rows of an hour against each other and against its footer.
// Rows come sorted, so a GPU's are together: it holds the rows of one GPU.
type audit struct {
	footer footer
	digest *sealed.Digest
	rows   int64
	last   usage.Segment
	sums   usage.Coverage
	wrong  []string // rows that are out of order or impossible

	total    int64           // of the GPU at hand, all states
	held     []usage.Holding // of it
	unequal  []string
	overheld []string
}

func newAudit(f footer) *audit { return &audit{footer: f, digest: sealed.NewDigest()} }

// add takes the next rows.
func (a *audit) add(segments []usage.Segment) error {
	for i := range segments {
		s := &segments[i]
		if a.rows > 0 && s.UUID != a.last.UUID {
			a.endGPU()
		}
		err := s.Check(a.footer.Cluster, a.footer.Window)
		if err == nil && a.rows > 0 && usage.Compare(a.last, *s) > 0 {
			err = errors.New("comes before the row before it")
		}
		if err == nil {
			err = a.count(s)
		}
		if err != nil {
			a.wrong = append(a.wrong, segmentError(int(a.rows), s, err).Error())
		}
		a.digest.Segment(s)
		a.last = *s
		a.rows++
	}
	return nil
}

// count adds a row to the sums of its state and GPU.
func (a *audit) count(s *usage.Segment) error {
	if !s.State.Known() {
		return fmt.Errorf("state %q is none", s.State)
	}
	a.sums.Add(s.Coverage())
	a.total += s.GPUMillis
	if s.State == usage.Allocated {
		a.held = append(a.held, usage.Holding{From: s.HeldFrom, To: s.HeldTo, Share: s.Share})
	}
	return nil
}

// endGPU judges the GPU at hand.
func (a *audit) endGPU() {
	whole := a.footer.Window.Duration().Milliseconds()
	off := a.total - whole
	if off > 0 { // what was held before the hour may be of this GPU
		off = max(0, off-a.footer.Coverage.Late)
	}
	if !usage.Agree(whole+off, whole) {
		a.unequal = append(a.unequal, fmt.Sprintf("GPU %s has %.3f s", a.last.UUID, seconds(a.total)))
	}
	// The row of what was held before the hour lies in the hour, on others' rows.
	if over := usage.Overheld(a.held, whole); over > float64(a.footer.Coverage.Late) {
		a.overheld = append(a.overheld, fmt.Sprintf("GPU %s by %.3f s", a.last.UUID, over/1000))
	}
	a.total, a.held = 0, a.held[:0]
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

// findings are what is wrong with the hour, once all rows were added.
func (a *audit) findings() []Finding {
	if a.rows > 0 {
		a.endGPU()
	}
	var all []Finding
	note := func(kind Kind, what string, named []string) {
		if len(named) == 0 {
			return
		}
		if more := len(named) - mostNamed; more > 0 {
			named = append(named[:mostNamed:mostNamed], fmt.Sprintf("and %d more", more))
		}
		all = append(all, Finding{Kind: kind, What: what + strings.Join(named, "; ")})
	}
	note(Rows, "", a.wrong)
	if sum := a.digest.Sum(); sum != a.footer.Rows {
		note(Rows, "", []string{fmt.Sprintf("the digest of its rows is %s, not %s", sum, a.footer.Rows)})
	}
	note(Conservation, "its sums are not those of its rows: ", a.differences())
	note(Conservation, fmt.Sprintf("the states of a GPU don't make %.0f s: ", a.footer.Window.Duration().Seconds()), a.unequal)
	note(Conservation, "more was held of a GPU than there is: ", a.overheld)
	return all
}

// differences are the parts of the footer's coverage that are not the sums of
// the rows.
func (a *audit) differences() []string {
	c := a.footer.Coverage
	a.sums.Expected, a.sums.Late = c.Expected, c.Late // no row says them
	a.sums.Residue = c.Expected - c.Sum()
	var differ []string
	sums := a.sums.Fields()
	for i, says := range c.Fields() {
		if *says.Millis != *sums[i].Millis {
			differ = append(differ, fmt.Sprintf("%s is %d and should be %d", coverageKey(says), *says.Millis, *sums[i].Millis))
		}
	}
	return differ
}
