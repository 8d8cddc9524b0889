package command

import (
	"context"
	"fmt"
	"time"

	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/reporter/prom"
	"github.com/gputally/gputally/reporter/series"
)

// Looking for older samples takes some twenty small queries; more time than this
// is not spent on a hint.
const lookAtMost = 10 * time.Second

// oldestLooked is how many days back older samples are looked for.
const oldestLooked = 2 * 365

// sayOlder says that there are samples from before a time that a close without
// --from began with, if no hour from before is closed. It is only a hint: what
// goes wrong is logged.
func sayOlder(ctx context.Context, env *Env, p *Program, c Cluster, began time.Time) {
	first, found, err := p.Index.FirstHour(ctx, c.Name)
	if err == nil && found && first.From.Before(began.Truncate(time.Hour)) {
		return
	}
	ctx, stop := context.WithTimeout(ctx, lookAtMost)
	defer stop()
	days := 0
	if err == nil {
		days, err = daysBack(func(days int) (bool, error) {
			return hasSamples(ctx, c.Servers[0], began.AddDate(0, 0, -days))
		})
	}
	if err != nil {
		env.Log.Debug("Can't look for older samples", "cluster", c.Name, "err", err)
	}
	if days == 0 {
		return
	}
	fmt.Fprintf(env.Stdout, "There are older samples%s, from about %d days before %s on, and closing goes back no further by itself. Close those hours, too, with gputally-reporter close --from=%s\n",
		ofCluster(p, c), days, began.Format(time.RFC3339), began.AddDate(0, 0, -days).Format(time.DateOnly))
}

// daysBack finds how many days back there is something, 0 if there is nothing. It
// asks for 1, 2, 4 and so on days back, and halves what lies between the last of
// them that has something and the next. Where there are holes, it may find less
// than there is.
func daysBack(has func(days int) (bool, error)) (int, error) {
	there, gone := 0, 1
	for days := 1; days <= oldestLooked; days *= 2 {
		ok, err := has(days)
		if err != nil {
			return there, err
		}
		if ok {
			there, gone = days, 2*days
		}
	}
	for gone-there > 1 {
		days := (there + gone) / 2
		ok, err := has(days)
		if err != nil {
			return there, err
		}
		if ok {
			there = days
		} else {
			gone = days
		}
	}
	return there, nil
}

// hasSamples tells whether a server has samples of any collector in the hour up to
// a time. It asks for a family with one series for each node.
func hasSamples(ctx context.Context, server *prom.Client, to time.Time) (found bool, err error) {
	err = server.Read(ctx, series.Query{
		From: to.Add(-time.Hour), To: to,
		Matchers: []series.Matcher{{Name: series.NameLabel, Value: metric.CollectorStartTime.Name}},
	}, func(series.Series) error {
		found = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for samples before %s: %w", to.Format(time.RFC3339), err)
	}
	return found, nil
}
