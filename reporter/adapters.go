package reporter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/command"
	"github.com/gputally/gputally/reporter/config"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
	"github.com/gputally/gputally/reporter/source/gputally"
)

// Bucket opens the bucket alone.
func (o *opener) Bucket(ctx context.Context, cfg *config.Config) (bucket.Bucket, error) {
	c := open.Config{
		URL:       cfg.Bucket.URL.String(),
		Region:    cfg.Bucket.Region,
		PathStyle: cfg.Bucket.PathStyle,
		SSE:       cfg.Bucket.SSE,
		KMSKeyID:  cfg.Bucket.KMSKeyID,
		TLS:       open.TLS(cfg.Bucket.TLS),
		Timeout:   cfg.Bucket.Timeout,
		Log:       o.env.Log,
		Now:       o.env.Now,
	}
	if cfg.Bucket.Endpoint != nil {
		c.Endpoint = cfg.Bucket.Endpoint.String()
	}
	return open.Bucket(ctx, c)
}

// Servers are the clients of a cluster, one for each of its URLs.
func (o *opener) Servers(c config.Cluster) ([]*prom.Client, error) {
	return o.clients(c, c.Prometheus.Selector, nil)
}

// Source is the source of a cluster's hours alone.
func (o *opener) Source(cfg *config.Config, c config.Cluster) (*gputally.Source, error) {
	servers, err := o.Servers(c)
	if err != nil {
		return nil, err
	}
	return o.source(cfg, c, servers, func(r series.Reader) series.Reader { return r })
}

// clients are those of the cluster's URLs that pick series by labels. dated hears the
// time of the servers; nil: nobody does.
func (o *opener) clients(c config.Cluster, labels map[string]string, dated func(server string, at time.Time)) ([]*prom.Client, error) {
	var clients []*prom.Client
	for _, u := range c.Prometheus.URLs {
		client, err := prom.New(prom.Config{
			URL:           u.String(),
			HTTP:          c.Prometheus.HTTP,
			Road:          c.Prometheus.Road,
			Timeout:       c.Prometheus.Timeout,
			MaxConcurrent: c.Prometheus.MaxConcurrent,
			Selector:      selector(labels),
			Logger:        o.env.Log,
			Now:           o.env.Now,
			Found:         o.foundRoad,
			Dated:         datedBy(u.String(), dated),
		})
		if err != nil {
			return nil, &command.UsageError{Err: fmt.Errorf("prometheus of cluster %s: %w", c.Name, err)}
		}
		clients = append(clients, client)
	}
	return clients, nil
}

// datedBy is dated for one server.
func datedBy(server string, dated func(server string, at time.Time)) func(at time.Time) {
	if dated == nil {
		return nil
	}
	return func(at time.Time) { dated(server, at) }
}

// foundRoad says once how a server is read, however many clients it has.
func (o *opener) foundRoad(server, road string) {
	if before, known := o.roads.Swap(server, road); !known || before != road {
		o.env.Log.Info("Found the way to read raw samples", "road", road, "server", server)
	}
}

// oneOf reads the servers as one source, whose replicas they are.
func (o *opener) oneOf(clients []*prom.Client) series.Reader {
	if len(clients) == 1 {
		return clients[0]
	}
	return prom.NewReplicas(o.env.Now, clients...)
}

// selector turns the configured labels into matchers, sorted by label.
func selector(labels map[string]string) []series.Matcher {
	var ms []series.Matcher
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		ms = append(ms, series.Matcher{Name: name, Value: labels[name]})
	}
	return ms
}
