package reporter

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/common/version"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket/instrument"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/command"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom"
	reads "github.com/gputally/gputally/reporter/prom/instrument"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/upkeep"
	"github.com/gputally/gputally/reporter/window"
)

// partialAfter is how long after its end a day is compacted although not all of
// its hours are closed: until then a closing looks for them, and a day more.
const partialAfter = closing.Reach + 24*time.Hour

// opener wires what a configuration describes.
type opener struct {
	env   *command.Env
	roads sync.Map // the way in which each server was said to be read, by its URL

	compareClocks bool // this machine's with those of metrics servers
}

var _ command.Opener = (*opener)(nil)

// Open opens all that most commands need. It asks no server.
func (o *opener) Open(ctx context.Context, cfg *config.Config) (*command.Program, error) {
	opened, err := o.Bucket(ctx, cfg)
	if err != nil {
		return nil, err
	}
	store, err := instrument.New(opened, o.env.Registry, o.env.Now)
	if err != nil {
		return nil, err
	}
	metrics, err := reads.New(o.env.Registry)
	if err != nil {
		return nil, err
	}
	if cfg.Projects == nil { // then every namespace is of no project
		if cfg.Projects, err = quota.New(nil, nil); err != nil {
			return nil, err
		}
	}
	retain := ledger.Retention(cfg.Ledger.Retain)
	p := &command.Program{
		Config: cfg,
		Index:  index.New(store, index.Config{Clock: o.env.Now, Logger: o.env.Log}),
		Ledger: ledger.New(store, ledger.Config{Version: version.Version, Pruned: func(at time.Time) bool {
			return retain.Edges > 0 && o.env.Now().Sub(at) > retain.Edges
		}, History: retain.History, Now: o.env.Now}),
	}
	p.Archive = archive.New(archive.Config{
		Bucket: store, Index: p.Index, Prices: cfg.Prices, Projects: cfg.Projects, Clock: o.env.Now, Logger: o.env.Log,
	})
	clocks := map[string]*hourClock{}
	p.Upkeep = func(name string) *upkeep.Cluster {
		now := o.env.Now
		if clock := clocks[name]; clock != nil {
			now = clock.Now
		}
		return upkeep.New(upkeep.Config{
			Name: name, Ledger: p.Ledger, Index: p.Index, Retain: retain, PartialAfter: partialAfter, Now: now,
		})
	}
	sources := map[string]reporting.Source{}
	for _, c := range cfg.Clusters {
		clocks[c.Name] = &hourClock{cluster: c.Name, now: o.env.Now, log: o.env.Log}
		source, err := o.cluster(p, c, metrics, clocks[c.Name])
		if err != nil {
			return nil, err
		}
		sources[c.Name] = source
	}
	p.Maker = reporting.New(reporting.Config{
		Sources: sources, Ledger: p.Ledger, Index: p.Index, Projects: cfg.Projects, Prices: cfg.Prices,
		MinimumCoverage: cfg.MinimumCoverage, Now: o.env.Now,
		Tolerance: reporting.Tolerance{Day: func(cluster string, day window.Window, err error) {
			o.env.Log.Warn("A day of the daily table can't be read; its hours are read in their own objects", "cluster", cluster, "day", day, "err", err)
		}},
	})
	return p, nil
}

// source is the source of a cluster's hours. measured is what reads are counted by.
func (o *opener) source(cfg *config.Config, c config.Cluster, servers []*prom.Client, measured func(series.Reader) series.Reader) (*gputally.Source, error) {
	nodes, err := o.clients(c, c.Prometheus.NodeLabelsSelector, nil) // of another job
	if err != nil {
		return nil, err
	}
	return gputally.New(gputally.Config{
		Cluster:       c.Name,
		Reader:        measured(o.oneOf(servers)),
		Lookahead:     config.Lookahead,
		NodePoolLabel: c.NodePoolLabel,
		NodeLabels:    measured(o.oneOf(nodes)),
		NodePools:     cfg.Projects.Pool,
		Halved: func(reason error) {
			o.env.Log.Info("Reading in smaller pieces", "cluster", c.Name, "reason", reason)
		},
	})
}

// cluster adds a cluster to the program and returns the source of its hours.
func (o *opener) cluster(p *command.Program, c config.Cluster, metrics *reads.Metrics, clock *hourClock) (*gputally.Source, error) {
	var dated func(server string, at time.Time)
	if o.compareClocks {
		dated = clock.hear
	}
	servers, err := o.clients(c, c.Prometheus.Selector, dated)
	if err != nil {
		return nil, err
	}
	source, err := o.source(p.Config, c, servers, func(r series.Reader) series.Reader { return metrics.Reader(c.Name, r) })
	if err != nil {
		return nil, err
	}
	hours := closing.New(closing.Config{
		Name: c.Name, Source: source, Accepting: source.Accepting(), Ledger: p.Ledger, Index: p.Index,
		Settle: p.Config.Settle, RestateWithin: p.Config.Ledger.RestateWithin, KeepEdges: p.Config.Ledger.Retain.Edges,
		Patience: o.env.Patience, Now: clock.Now, Log: o.env.Log,
	})
	p.Clusters = append(p.Clusters, command.Cluster{Name: c.Name, Closing: hours, Servers: servers})
	return source, nil
}
