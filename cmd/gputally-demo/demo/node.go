package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/nvml"
	"github.com/gputally/gputally/internal/simulate"
)

// snapshots is a meter that goes on by itself.
type snapshots interface {
	exporter.Snapshots
	// Poll takes the next observation.
	Poll(ctx context.Context, now time.Time) error
}

// node is a collector in this process.
type node struct {
	name      string
	identity  exporter.Identity
	snapshots snapshots
	address   string
}

// serve polls every second and answers /metrics until ctx ends.
func (n *node) serve(ctx context.Context, group *errgroup.Group, now func() time.Time) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the collector of %s: %w", n.name, err)
	}
	n.address = listener.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(exporter.New(n.snapshots, n.identity, now), promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	if err := n.snapshots.Poll(ctx, now()); err != nil {
		return errors.Join(err, listener.Close())
	}
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return server.Close()
			case <-ticker.C:
				if err := n.snapshots.Poll(ctx, now()); err != nil {
					return err
				}
			}
		}
	})
	return nil
}

// played is a simulated node.
type played struct {
	player *simulate.Player
	meter  *meter.Meter
	latest atomic.Pointer[meter.Snapshot]
}

func (p *played) Latest() *meter.Snapshot { return p.latest.Load() }

func (p *played) Poll(_ context.Context, now time.Time) error {
	p.player.Advance(now)
	inv := p.player.Inventory()
	p.latest.Store(p.meter.Observe(meter.Observation{
		At: now, Inventory: &inv, Holders: &meter.Attribution{Holdings: p.player.Holdings()},
	}))
	return nil
}

// looped is this machine.
type looped struct{ *meter.Loop }

func (l looped) Poll(ctx context.Context, _ time.Time) error { return l.Loop.Poll(ctx) }

// realNode meters this machine's own GPUs, if there are any. Without Kubernetes
// nobody is known to hold them.
func realNode(ctx context.Context, group *errgroup.Group, now func() time.Time) (*node, error) {
	source, err := nvml.New(nvml.Config{Logger: discard(), Now: now})
	if err != nil {
		return nil, err
	}
	inv, err := source.Inventory(ctx)
	if err == nil && len(inv.GPUs) == 0 {
		err = errors.New("the driver lists no GPU")
	}
	if err != nil {
		return nil, err
	}
	loop, err := meter.NewLoop(meter.LoopConfig{Source: source, Now: now, Logger: discard()})
	if err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		name = "this-machine"
	}
	n := &node{name: name, identity: exporter.Identity{Node: name, Attribution: "none", Activity: "none"}, snapshots: looped{loop}}
	return n, n.serve(ctx, group, now)
}
