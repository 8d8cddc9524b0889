package config

import "time"

type reportsKeys struct {
	Retain duration `yaml:"retain"`
}

// check refuses what would delete reports whose hours may still be restated.
func (k reportsKeys) check(d *document, restateWithin duration) Reports {
	if k.Retain > 0 && k.Retain < restateWithin {
		d.fail("reports.retain", "must be at least ledger.restate_within, %s, or 0 for ever, not %s", restateWithin, k.Retain)
	}
	return Reports{Retain: time.Duration(k.Retain)}
}
