package upkeep

import (
	"time"

	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
)

// Config is what a cluster's closed hours are looked after with.
type Config struct {
	Name   string // of the cluster
	Ledger *ledger.Ledger
	Index  *index.Index
	Retain ledger.Retention
	// PartialAfter is how long after its end a day is compacted although not all
	// of its hours are closed. Until then they may still be.
	PartialAfter time.Duration
	Now          func() time.Time
}

// Cluster looks after the closed hours of one cluster. It remembers nothing.
type Cluster struct{ cfg Config }

// New returns the cluster that the configuration describes.
func New(c Config) *Cluster { return &Cluster{c} }

// Name is the cluster's.
func (c *Cluster) Name() string { return c.cfg.Name }
