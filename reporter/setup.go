package reporter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/prometheus/common/version"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/instrument"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/usage"
)

// load reads the configuration and opens the books that it describes.
func load(ctx context.Context, env *environment) (*config.Config, *books, error) {
	cfg, err := config.Load(env.file)
	if err != nil {
		return nil, nil, err
	}
	opened, err := openBucket(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	store, err := instrument.New(opened, env.registry, env.opts.Now)
	if err != nil {
		return nil, nil, err
	}
	projects := cfg.Projects
	if projects == nil { // then every namespace is of no project
		if projects, err = quota.New(nil, nil); err != nil {
			return nil, nil, err
		}
	}
	b := &books{
		settle:        cfg.Settle,
		minimum:       cfg.MinimumCoverage,
		restateWithin: cfg.Ledger.RestateWithin,
		retain:        ledger.Retention(cfg.Ledger.Retain),
		bucket:        store,
		index:         index.New(store, index.Config{Clock: env.opts.Now, Logger: env.log}),
		projects:      projects,
		book:          cfg.Prices,
		now:           env.opts.Now,
		log:           env.log,
	}
	b.archive = archive.New(archive.Config{Bucket: store, Index: b.index, Clock: env.opts.Now, Logger: env.log})
	b.ledger = ledger.New(store, ledger.Config{Version: version.Version, Pruned: b.pruned})
	for _, c := range cfg.Clusters {
		opened, err := openCluster(env, b, c)
		if err != nil {
			return nil, nil, err
		}
		b.clusters = append(b.clusters, opened)
	}
	return cfg, b, nil
}

// openBooks is load for commands that need no more of the configuration.
func openBooks(ctx context.Context, env *environment) (*books, error) {
	_, b, err := load(ctx, env)
	return b, err
}

func openBucket(ctx context.Context, cfg *config.Config) (bucket.Bucket, error) {
	c := open.Config{
		URL:       cfg.Bucket.URL.String(),
		Region:    cfg.Bucket.Region,
		PathStyle: cfg.Bucket.PathStyle,
		SSE:       cfg.Bucket.SSE,
		KMSKeyID:  cfg.Bucket.KMSKeyID,
		TLS:       open.TLS(cfg.Bucket.TLS),
	}
	if cfg.Bucket.Endpoint != nil {
		c.Endpoint = cfg.Bucket.Endpoint.String()
	}
	b, err := open.Bucket(ctx, c)
	return b, err
}

// openCluster sets up what closes the hours of a cluster. It asks no server.
func openCluster(env *environment, b *books, c config.Cluster) (*cluster, error) {
	meter := newMeter()
	clients, err := newClients(env, c, selector(c.Prometheus.Selector))
	if err != nil {
		return nil, err
	}
	nodes, err := newClients(env, c, selector(c.Prometheus.NodeLabelsSelector)) // of another job
	if err != nil {
		return nil, err
	}
	closer, err := usage.New(usage.Config{
		Cluster:       c.Name,
		Reader:        oneOf(b.now, clients, meter),
		Lookahead:     config.Lookahead,
		NodePoolLabel: c.NodePoolLabel,
		NodeLabels:    oneOf(b.now, nodes, meter),
		NodePools:     b.projects.Pool,
		Halved: func(reason error) {
			b.log.Info("Reading in smaller pieces", "cluster", c.Name, "reason", reason)
		},
	})
	if err != nil {
		return nil, err
	}
	return &cluster{
		books: b, name: c.Name, preview: closer, clients: clients, meter: meter,
		hours: closing.New(closing.Config{
			Name: c.Name, Source: closer, Hours: b.ledger, Edges: b.ledger, Index: b.index, Others: b.index,
			Settle: b.settle, RestateWithin: b.restateWithin, KeepEdges: b.retain.Edges,
			Now: b.now, Log: b.log,
		}),
	}, nil
}

// oneOf reads the servers as one source, whose replicas they are.
func oneOf(now func() time.Time, clients []*prom.Client, m *meter) series.Reader {
	if len(clients) == 1 {
		return metered{clients[0], m}
	}
	return metered{prom.NewReplicas(now, clients...), m}
}

// newClients are one for each server of the cluster.
func newClients(env *environment, c config.Cluster, selector []series.Matcher) ([]*prom.Client, error) {
	var clients []*prom.Client
	for _, u := range c.Prometheus.URLs {
		client, err := prom.New(prom.Config{
			URL:           u.String(),
			HTTP:          c.Prometheus.HTTP,
			Road:          c.Prometheus.Road,
			Timeout:       c.Prometheus.Timeout,
			MaxConcurrent: c.Prometheus.MaxConcurrent,
			Selector:      selector,
			Logger:        env.log,
		})
		if err != nil {
			return nil, usageError{fmt.Errorf("prometheus of cluster %s: %w", c.Name, err)}
		}
		clients = append(clients, client)
	}
	return clients, nil
}

// selector turns the configured labels into matchers, sorted by label.
func selector(labels map[string]string) []series.Matcher {
	var ms []series.Matcher
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		ms = append(ms, series.Matcher{Name: name, Value: labels[name]})
	}
	return ms
}
