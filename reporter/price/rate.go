package price

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/gputally/gputally/reporter/glob"
)

// Rate is the price of a GPU-hour for the GPUs that it selects.
type Rate struct {
	// Model, NodePool and Cluster are glob patterns; "" matches everything.
	Model, NodePool, Cluster string
	// GPUHour is the price of one physical GPU for one hour, in the book's
	// currency: 0 to MaxGPUHour, at most 9 decimals.
	GPUHour decimal.Decimal
	// From and To are the half-open range in which the rate is valid, exact to
	// the millisecond; the zero time leaves that side open.
	From, To time.Time
}

// MaxGPUHour is the highest price of a GPU-hour, in currency units. It is far
// above any price in any currency and keeps every product within 128 bits.
const MaxGPUHour = 1_000_000_000

// RateError says what is wrong with one rate of a book.
type RateError struct {
	Index  int    // of the rate in the book, from 0
	Field  string // as in the price book's file: gpu_hour
	Reason string
}

func (e *RateError) Error() string {
	return fmt.Sprintf("rates[%d].%s: %s", e.Index, e.Field, e.Reason)
}

// BookError says what is wrong with a book apart from its rates.
type BookError struct {
	Field  string
	Reason string
}

func (e *BookError) Error() string { return e.Field + ": " + e.Reason }

// open marks the side of a range that has no end.
const (
	openFrom = -1 << 63
	openTo   = 1<<63 - 1
)

// rate is a Rate ready for use.
type rate struct {
	index                    int // in the book
	model, nodePool, cluster glob.Pattern
	nanos                    uint64 // price of a GPU-hour in 10⁻⁹ currency units
	from, to                 int64  // Unix ms
}

func (r rate) matches(k resource) bool {
	return r.cluster.Match(k.cluster) && r.nodePool.Match(k.nodePool) && r.model.Match(k.model)
}

// validAt reports whether the rate is valid at t, Unix ms.
func (r rate) validAt(t int64) bool { return r.from <= t && t < r.to }

// clashes reports whether some GPU at some instant has both rates and neither is
// more specific.
func (r rate) clashes(o rate) bool {
	return compare(r, o) == 0 && r.from < o.to && o.from < r.to &&
		glob.Overlap(r.cluster, o.cluster) && glob.Overlap(r.nodePool, o.nodePool) && glob.Overlap(r.model, o.model)
}

// compare orders rates by precedence, the one that applies first.
func compare(a, b rate) int {
	for _, c := range [...]int{
		glob.Compare(b.cluster, a.cluster),
		glob.Compare(b.nodePool, a.nodePool),
		glob.Compare(b.model, a.model),
	} {
		if c != 0 {
			return c
		}
	}
	return 0
}

// resource is what rates select by.
type resource struct {
	cluster, nodePool, model string
}

// compile checks a rate and makes it ready, or says all that is wrong with it.
func compile(index int, r Rate) (rate, []error) {
	var errs []error
	fail := func(field, reason string) {
		errs = append(errs, &RateError{index, field, reason})
	}
	c := rate{
		index: index,
		model: glob.Compile(r.Model), nodePool: glob.Compile(r.NodePool), cluster: glob.Compile(r.Cluster),
		from: openFrom, to: openTo,
	}
	nanos, problem := toNanos(r.GPUHour)
	if problem != "" {
		fail("gpu_hour", problem)
	}
	c.nanos = nanos
	if !r.From.IsZero() {
		c.from = r.From.UnixMilli()
	}
	if !r.To.IsZero() {
		c.to = r.To.UnixMilli()
	}
	if c.from >= c.to {
		fail("from", fmt.Sprintf("%s is not before to, %s", stamp(c.from), stamp(c.to)))
	}
	for _, bound := range []struct {
		field string
		at    time.Time
	}{{"from", r.From}, {"to", r.To}} {
		if !bound.at.Equal(bound.at.Truncate(time.Millisecond)) {
			fail(bound.field, "is finer than a millisecond")
		}
	}
	return c, errs
}

// toNanos converts a price to 10⁻⁹ currency units, or says why it can't. The
// exponent is looked at first: to compare 1e999999999 with anything would
// write out its digits.
func toNanos(d decimal.Decimal) (uint64, string) {
	switch {
	case d.IsNegative():
		return 0, "must not be negative"
	case d.IsZero():
		return 0, ""
	case d.Exponent() > 9 || d.NumDigits()+int(d.Exponent()) > 11:
		return 0, fmt.Sprintf("is above %d", MaxGPUHour)
	case d.Exponent() < -64 || !d.Shift(9).IsInteger():
		return 0, "has more than 9 decimals"
	case d.GreaterThan(decimal.NewFromInt(MaxGPUHour)):
		return 0, fmt.Sprintf("%s is above %d", d, MaxGPUHour)
	}
	return d.Shift(9).BigInt().Uint64(), ""
}

// stamp formats Unix ms for people and for the revision.
func stamp(ms int64) string {
	switch ms {
	case openFrom:
		return "the beginning"
	case openTo:
		return "the end"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
