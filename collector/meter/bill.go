package meter

import "time"

// bill is who did how much on a GPU since its energy was last known, over one
// step or several.
type bill struct {
	open    bool          // a step was added
	alone   *holdingMeter // who had the GPU to himself in all steps, without anybody's work on it but his
	done    []done        // what tenants did
	total   float64       // the same of all, and of others; busy ratio × seconds
	unclear bool          // some of it isn't known
}

// done is what a tenant did, as busy ratio × seconds.
type done struct {
	by     *holdingMeter
	amount float64
}

// idle adds a step in which nobody was charged.
func (b *bill) idle() { b.open, b.alone, b.unclear = true, nil, true }

// add adds a step of length d. others is what those did who hold nothing, nil if
// unknown; clear is false if some of the GPU is held by nobody knows whom.
func (b *bill) add(d time.Duration, tenants []*holdingMeter, all []work, others *float64, clear bool) {
	alone := alone(tenants)
	if others == nil || *others != 0 {
		alone = nil
	}
	if !b.open {
		b.alone = alone
	} else if b.alone != alone {
		b.alone = nil
	}
	b.open = true
	b.unclear = b.unclear || others == nil || !clear
	for _, w := range all {
		b.unclear = b.unclear || w.busy == nil
	}
	if b.unclear {
		return
	}
	b.total += *others * d.Seconds()
	for i, w := range all {
		b.record(tenants[i], min(*w.busy, tenants[i].share)*d.Seconds())
	}
}

func (b *bill) record(by *holdingMeter, amount float64) {
	b.total += amount
	for i := range b.done {
		if b.done[i].by == by {
			b.done[i].amount += amount
			return
		}
	}
	b.done = append(b.done, done{by, amount})
}

// divide gives the energy to those who hold the GPU now: all of it to whom had it
// to himself, else what each did of all that was done. That of a GPU on which
// nobody did anything is nobody's.
func (b *bill) divide(joules float64, tenants []*holdingMeter, all []work) {
	if b.alone != nil {
		all[0].joules = &joules
		return
	}
	if b.unclear {
		return
	}
	for i, t := range tenants {
		portion := 0.0
		for _, d := range b.done {
			if d.by == t && b.total > 0 {
				portion = d.amount / b.total
			}
		}
		all[i].joules = times(&joules, portion)
	}
}

// clear begins another bill.
func (b *bill) clear() { *b = bill{done: b.done[:0]} }
