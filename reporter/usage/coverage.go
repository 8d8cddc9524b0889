package usage

// Coverage adds up the GPU-milliseconds of an hour or a report. The parts sum
// to Expected up to Residue.
type Coverage struct {
	Expected     int64 // GPUs that were there × time that they were there
	Allocated    int64
	Unallocated  int64
	Unattributed int64
	Unavailable  int64
	Uncovered    int64
	Estimated    int64 // part of Allocated that bridges gaps
	Residue      int64 // Expected minus the parts, signed
	Absent       int64 // time for which GPUs were not there, no part of Expected
	// Late is the part of Allocated to Unavailable, without what is estimated,
	// that was held before the window and is counted in it. The rest is what
	// samples say of the window itself.
	Late int64
}

// CoverageField is one amount of a Coverage and its name.
type CoverageField struct {
	Name   string // "expected", "late"
	Millis *int64
}

// Fields lists all amounts of a coverage, in the order in which people read
// them. What is done with every amount is done with this list, so that none is
// forgotten.
func (c *Coverage) Fields() [10]CoverageField {
	return [10]CoverageField{
		{"expected", &c.Expected},
		{"allocated", &c.Allocated},
		{"unallocated", &c.Unallocated},
		{"unattributed", &c.Unattributed},
		{"unavailable", &c.Unavailable},
		{"uncovered", &c.Uncovered},
		{"estimated", &c.Estimated},
		{"residue", &c.Residue},
		{"absent", &c.Absent},
		{"late", &c.Late},
	}
}

// Add adds another coverage, amount by amount.
func (c *Coverage) Add(o Coverage) {
	more := o.Fields()
	for i, field := range c.Fields() {
		*field.Millis += *more[i].Millis
	}
}

// Sum is the time that is accounted for: all parts of Expected but Residue.
func (c Coverage) Sum() int64 {
	return c.Allocated + c.Unallocated + c.Unattributed + c.Unavailable + c.Uncovered
}

// Coverage is the segment's time as the part of its state. What is expected and
// what is late no segment says.
func (s *Segment) Coverage() (c Coverage) {
	switch s.State {
	case Allocated:
		c.Allocated, c.Estimated = s.GPUMillis, s.EstimatedMillis
	case Unallocated:
		c.Unallocated = s.GPUMillis
	case Unattributed:
		c.Unattributed = s.GPUMillis
	case Unavailable:
		c.Unavailable = s.GPUMillis
	case Uncovered:
		c.Uncovered = s.GPUMillis
	case Absent:
		c.Absent = s.GPUMillis
	}
	return c
}
