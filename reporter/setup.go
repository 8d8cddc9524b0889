package reporter

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/common/version"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/instrument"
	"github.com/gputally/gputally/reporter/bucket/open"
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
	reader, err := newClient(env, cfg, selector(cfg))
	if err != nil {
		return nil, nil, err
	}
	labels, err := newClient(env, cfg, nil)
	if err != nil {
		return nil, nil, err
	}
	projects := cfg.Projects
	if projects == nil { // then every namespace is of no project
		if projects, err = quota.New(nil, nil); err != nil {
			return nil, nil, err
		}
	}
	closer, err := usage.New(usage.Config{
		Cluster:       cfg.Cluster,
		Reader:        reader,
		Lookahead:     config.Lookahead,
		NodePoolLabel: cfg.NodePoolLabel,
		NodeLabels:    labels,
		NodePools:     projects.Pool,
	})
	if err != nil {
		return nil, nil, err
	}
	return cfg, &books{
		cluster:  cfg.Cluster,
		settle:   cfg.Settle,
		minimum:  cfg.MinimumCoverage,
		closer:   closer,
		bucket:   store,
		ledger:   ledger.New(store, ledger.Config{Version: version.Version}),
		index:    index.New(store, index.Config{Clock: env.opts.Now, Logger: env.log}),
		projects: projects,
		book:     cfg.Prices,
		now:      env.opts.Now,
		log:      env.log,
	}, nil
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
	}
	if cfg.Bucket.Endpoint != nil {
		c.Endpoint = cfg.Bucket.Endpoint.String()
	}
	b, err := open.Bucket(ctx, c)
	return b, inBucket(err)
}

func newClient(env *environment, cfg *config.Config, selector []prom.Matcher) (*prom.Client, error) {
	c, err := prom.New(prom.Config{
		URL:      cfg.Prometheus.URL.String(),
		HTTP:     cfg.Prometheus.HTTP,
		Timeout:  cfg.Prometheus.Timeout,
		Selector: selector,
		Logger:   env.log,
	})
	if err != nil {
		return nil, usageError{fmt.Errorf("prometheus: %w", err)}
	}
	return c, nil
}

// selector turns the configured labels into matchers, sorted by label.
func selector(cfg *config.Config) []prom.Matcher {
	var ms []prom.Matcher
	for _, name := range slices.Sorted(maps.Keys(cfg.Prometheus.Selector)) {
		ms = append(ms, prom.Matcher{Name: name, Value: cfg.Prometheus.Selector[name]})
	}
	return ms
}
