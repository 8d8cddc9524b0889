package command

import (
	"context"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/serve"
	"github.com/gputally/gputally/reporter/source/gputally"
)

// Serve is the name of the command that runs until it is interrupted.
const Serve = "serve"

// DefaultAddress is where serve listens.
const DefaultAddress = ":9836"

func addServe(app *kingpin.Application, add adder) {
	c := app.Command(Serve, "Close each hour as it settles, make the scheduled reports, and serve /metrics, /healthz, /readyz and a status page. SIGHUP has it read its files again.")
	tick := c.Flag("tick", "How often to look for work, and the first pause after a failure.").Default("30s").Duration()
	web := kingpinflag.AddFlags(flagsOf{c}, DefaultAddress)
	add(c, func(ctx context.Context, env *Env) error {
		if *tick < time.Second {
			return misused("--tick: %s is too short; at least 1s", *tick)
		}
		load := func(ctx context.Context) (serve.Work, error) {
			p, err := env.open(ctx)
			if err != nil {
				return serve.Work{}, err
			}
			return p.work(env), nil
		}
		reload := env.Reload()
		work, err := load(ctx)
		if err != nil {
			return err
		}
		return serve.New(serve.Config{
			Work: work, Load: load, Reload: reload,
			Tick: *tick, Registry: env.Registry, Web: web, Now: env.Now, Log: env.Log,
		}).Run(ctx)
	})
}

// flagsOf lets the toolkit add its flags to one command only.
type flagsOf struct{ *kingpin.CmdClause }

// work is what the service is to do.
func (p *Program) work(env *Env) serve.Work {
	return serve.Work{
		Clusters: p.served(env), Schedules: p.Config.Schedules,
		Index: p.Index, Archive: p.Archive, Maker: p.Maker,
		Settle: p.Config.Settle, RestateWithin: p.Config.Ledger.RestateWithin,
		RetainReports: p.Config.Reports.Retain, ReportDeadline: p.Config.ReportDeadline,
	}
}

// served are the configured clusters as the service takes them.
func (p *Program) served(env *Env) []serve.Cluster {
	all := make([]serve.Cluster, len(p.Clusters))
	for i, c := range p.Clusters {
		all[i] = serve.Cluster{
			Name: c.Name, Closing: c.Closing, Upkeep: p.Upkeep(c.Name),
			Balanced: func(ctx context.Context) bool { return balanced(ctx, c.Servers) },
			Within:   func(ctx context.Context, due []closing.Due) ([]closing.Due, error) { return dueOf(ctx, env, p, c, due) },
		}
	}
	return all
}

// balanced tells whether one of the servers is several replicas that take turns.
// A server that can't be asked is not: its failure shows where hours are closed.
func balanced(ctx context.Context, servers []*prom.Client) bool {
	for _, server := range servers {
		if status, err := server.Status(ctx, gputally.Families()); err == nil && status.Balanced {
			return true
		}
	}
	return false
}
