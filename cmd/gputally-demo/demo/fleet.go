package demo

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/internal/simulate/trace"
)

// job is the collectors' job in Prometheus.
const job = "gputally-collector"

// scrape is the interval of the history; the live collectors are scraped more often.
const scrape = time.Minute

// ahead is for how long the live fleet has pods to run.
const ahead = 7 * 24 * time.Hour

// fleet is the simulated nodes.
type fleet struct {
	from    time.Time // where the history begins
	targets []*history.Target
	gpus    int
	pods    int
}

func newFleet(now time.Time, days int, seed uint64) (*fleet, error) {
	from := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	to := now.Add(ahead)
	p, err := trace.Place(trace.Generate(seed, int64(to.Sub(from).Seconds()), trace.Teams()), trace.Config{
		Origin: from, From: from, To: to, Seed: seed,
		Hosts: []trace.Host{
			{Name: "gpu-h200-0", GPUs: 8, Model: "NVIDIA H200"},
			{Name: "gpu-h200-1", GPUs: 8, Model: "NVIDIA H200"},
			{Name: "gpu-a100-0", GPUs: 8, Model: "NVIDIA A100-SXM4-80GB"},
			{Name: "gpu-l40s-0", GPUs: 4, Model: "NVIDIA L40S"},
		},
	})
	if err != nil {
		return nil, err
	}
	f := &fleet{from: from, pods: p.Counts.Placed}
	for i := range p.Nodes {
		node := &p.Nodes[i]
		t, err := history.NewTarget(node, history.Labels{Job: job, Instance: node.Name}, from,
			history.Timing{Scrape: scrape, Lost: 0.001, Life: 10 * 24 * time.Hour}, seed+uint64(i))
		if err != nil {
			return nil, err
		}
		f.targets, f.gpus = append(f.targets, t), f.gpus+len(node.GPUs)
	}
	return f, nil
}

// history writes what Prometheus would have scraped until now.
func (d *demo) history(ctx context.Context, f *fleet, now time.Time) error {
	total := now.Sub(f.from)
	stats, err := history.Write(ctx, history.Config{
		Dir: promserver.DataDir(d.dir.path("prometheus")), From: f.from, To: now,
		Progress: func(reached time.Time) {
			if d.opts.Terminal {
				fmt.Fprintf(d.stderr, "\rmaking history: %3.0f %%", 100*reached.Sub(f.from).Seconds()/total.Seconds())
			}
		},
	}, f.targets)
	if d.opts.Terminal {
		fmt.Fprintf(d.stderr, "\r%30s\r", "")
	}
	if err != nil {
		return err
	}
	d.say("History since %s: %d scrapes, %.1f million samples.", f.from.Format(time.DateOnly), stats.Scrapes, float64(stats.Samples)/1e6)
	return nil
}

// live lets the meters go on with the real clock, each behind /metrics.
func (f *fleet) live(ctx context.Context, group *errgroup.Group, now func() time.Time) ([]*node, error) {
	var nodes []*node
	for _, t := range f.targets {
		player, meter := t.Live()
		n := &node{name: t.Labels.Instance, identity: t.Identity(), snapshots: &played{player: player, meter: meter}}
		if err := n.serve(ctx, group, now); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
