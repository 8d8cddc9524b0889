package serve

import (
	"context"
	"slices"
	"time"

	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/window"
)

// retryReach is how far back a starting process makes Failed reports again:
// whoever has repaired a price book restarts the process.
const retryReach = 7 * 24 * time.Hour

// loop closes hours, makes scheduled reports, and brings figures up to date.
type loop struct {
	cfg       Config
	status    *status.Status
	clusters  []*clusterTask
	schedules []*scheduleTask
	figures   *figures
	retention *retention
	compared  time.Time // the day on which all recent reports were compared with their hours
}

func newLoop(c Config, shown *status.Status) *loop {
	l := &loop{cfg: c, status: shown, figures: newFigures(c, shown), retention: &retention{cfg: c}}
	var names []string
	for _, of := range c.Clusters {
		names = append(names, of.Name)
		l.clusters = append(l.clusters, newClusterTask(c, of, shown))
	}
	now := c.Now().UTC()
	for _, s := range c.Schedules {
		t := &scheduleTask{cfg: c, status: shown, schedule: s, clusters: names}
		t.retry = []window.Window{{From: now.Add(-retryReach), To: now}}
		l.schedules = append(l.schedules, t)
	}
	return l
}

// round does what is due, cluster by cluster and schedule by schedule. What fails
// is logged, counted, and tried again in the next round; it does not keep another
// cluster's hours from being closed.
func (l *loop) round(ctx context.Context) {
	now := l.cfg.Now()
	l.status.Ticked(now)
	reached, looked := now, l.compareDaily(now)
	for _, t := range l.clusters {
		done := t.run(ctx)
		if done.reached.Before(reached) {
			reached = done.reached
		}
		looked = looked || done.looked
		if done.elsewhere {
			l.compareRecent(now)
		}
		l.changed(done)
	}
	for _, t := range l.schedules {
		t.run(ctx, reached, looked)
	}
	if looked {
		l.figures.stale = true
	}
	l.figures.run(ctx)
	for _, t := range l.clusters {
		l.changed(t.align(ctx))
		t.upkeep(ctx)
	}
	l.retention.run(ctx)
}

// changed passes on which hours changed: Failed reports of hours that were closed
// are made again, and so are reports that hours which were restated made outdated.
func (l *loop) changed(done done) {
	for _, t := range l.schedules {
		t.retry = append(t.retry, done.closed...)
		t.compare = append(t.compare, done.restated...)
	}
	for _, hour := range slices.Concat(done.closed, done.restated) {
		l.figures.forget(hour)
	}
}

// compareDaily has recent reports compared with their hours when the process
// starts and once a day: a command may have restated hours, or another process
// that ended before it made their reports again.
func (l *loop) compareDaily(now time.Time) bool {
	today := window.PeriodDay.Containing(now, time.UTC).From
	if l.compared.Equal(today) {
		return false
	}
	l.compared = today
	l.compareRecent(now)
	return true
}

// compareRecent has the reports compared with their hours whose hours may be
// restated.
func (l *loop) compareRecent(now time.Time) {
	for _, t := range l.schedules {
		t.compare = append(t.compare, window.Window{From: now.UTC().Add(-l.cfg.RestateWithin), To: now.UTC()})
	}
}
