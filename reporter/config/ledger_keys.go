package config

import "time"

type ledgerKeys struct {
	RestateWithin duration   `yaml:"restate_within"`
	Retain        retainKeys `yaml:"retain"`
}

type retainKeys struct {
	Hourly  duration `yaml:"hourly"`
	Daily   duration `yaml:"daily"`
	History duration `yaml:"history"`
	Edges   duration `yaml:"edges"`
}

// check refuses what would make an hour that may still be restated lose what
// restating it needs: its own object, and the edges of the hours beside it.
func (k ledgerKeys) check(d *document) Ledger {
	for _, kept := range []struct {
		key string
		age duration
	}{{"hourly", k.Retain.Hourly}, {"daily", k.Retain.Daily}, {"edges", k.Retain.Edges}} {
		if kept.age > 0 && kept.age < k.RestateWithin {
			d.fail("ledger.retain."+kept.key, "must be at least ledger.restate_within, %s, or 0 for ever, not %s", k.RestateWithin, kept.age)
		}
	}
	if h, day := k.Retain.Hourly, k.Retain.Daily; day > 0 && h > day {
		d.fail("ledger.retain.daily", "must be at least ledger.retain.hourly, %s, or 0 for ever, not %s", h, day)
	}
	return Ledger{
		RestateWithin: time.Duration(k.RestateWithin),
		Retain: Retain{
			Hourly: time.Duration(k.Retain.Hourly), Daily: time.Duration(k.Retain.Daily),
			History: time.Duration(k.Retain.History), Edges: time.Duration(k.Retain.Edges),
		},
	}
}
