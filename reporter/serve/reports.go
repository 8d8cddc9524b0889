package serve

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/schedule"
	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// retryReach is how far back a starting process makes Failed reports again, and
// looks for hours that are not closed: whoever has repaired something restarts
// the process or has it read its configuration again.
const retryReach = 7 * 24 * time.Hour

// scheduleTask makes the reports of one schedule.
type scheduleTask struct {
	cfg      Config
	status   *status.Status
	tasks    *tasks
	schedule schedule.Schedule
	clusters []string // names of the configured ones

	first   time.Time     // the earliest data, zero if there was none
	due     time.Time     // when a period is released next; zero: now, and all periods are looked at
	retry   window.Window // Failed reports that overlap it are made again, once
	periods periods       // to be reported
	more    bool          // there are more than that, once some of these are reported
	failed  failedReports // among the current reports

	mu   sync.Mutex
	news []window.Window // reports that overlap one of these are compared with their hours
}

func newScheduleTask(c Config, s schedule.Schedule, shown *status.Status, all *tasks) *scheduleTask {
	now := c.Now().UTC()
	t := &scheduleTask{
		cfg: c, status: shown, tasks: all, schedule: s,
		failed: failedReports{}, retry: window.Window{From: now.Add(-retryReach), To: now},
	}
	for _, of := range c.Clusters {
		t.clusters = append(t.clusters, of.Name)
	}
	return t
}

// tell notes that hours changed.
func (t *scheduleTask) tell(hours []window.Window) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.news = append(t.news, hours...)
}

func (t *scheduleTask) take() []window.Window {
	t.mu.Lock()
	defer t.mu.Unlock()
	news := t.news
	t.news = nil
	return news
}

// work makes the reports that are due, oldest first. What fails is tried again
// after a pause of its own, and later periods go on. A failure of a server ends
// the run, and the next one begins with the other periods: the server may fail at
// this one only.
func (t *scheduleTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	defer func() { t.status.FailedReports(t.schedule.Name, t.failed.count(t.cfg.Now())) }()
	if err := t.look(ctx, run); err != nil {
		return time.Time{}, err
	}
	made, failed := false, false
	for _, p := range t.periods.ready(t.cfg.Now(), t.late) {
		err := run.Unit(ctx, "period "+window.Key(p.window, t.schedule.Zone), func(ctx context.Context) error { return t.make(ctx, p) })
		switch {
		case err == nil:
			t.periods.done(p)
			made = true
		case ctx.Err() != nil:
			return time.Time{}, err
		default:
			t.status.ReportFailed(t.schedule.Name)
			if ofServer(err) {
				p.blamed++
				return time.Time{}, err
			}
			p.failed(t.cfg.Now(), t.tasks.runner.Backoff(), err)
			failed = true
		}
	}
	next := t.cfg.Now()
	if t.more && made {
		t.due = time.Time{}
	} else {
		next = t.periods.next(next, t.due, t.deadline)
	}
	err := t.periods.err()
	if err != nil && !failed {
		err = &task.StillError{Err: err}
	}
	return next, err
}

// deadline is until when the report of a period waits for clusters that are behind.
func (t *scheduleTask) deadline(p *period) time.Time {
	since := t.schedule.Release(p.window, t.cfg.Settle)
	if p.since.After(since) {
		since = p.since
	}
	return since.Add(t.cfg.ReportDeadline)
}

// late tells whether a report has to wait for clusters that are behind.
func (t *scheduleTask) late(p *period) bool {
	passed := !t.cfg.Now().Before(t.deadline(p))
	return len(t.tasks.progress.late(p.window, passed)) > 0
}

// make makes and publishes the report of one period. Once its deadline has passed,
// hours that can't be read are as good as missing.
func (t *scheduleTask) make(ctx context.Context, p *period) error {
	name, key := t.schedule.Name, window.Key(p.window, t.schedule.Zone)
	by, err := report.ParseGroupBy(strings.Join(t.schedule.GroupBy, ","))
	if err != nil {
		return err
	}
	table, err := t.table(ctx, p, report.Spec{Window: p.window, TimeZone: t.schedule.Zone.String(), GroupBy: by})
	if err != nil {
		return fmt.Errorf("report %s: %w", key, err)
	}
	published, err := t.cfg.Archive.Publish(ctx, table, archive.Publication{Name: name, Period: key})
	if err != nil {
		return fmt.Errorf("report %s: %w", key, err)
	}
	t.status.Reported(name, published)
	t.failed.note(p.window, published.Manifest.State, t.cfg.Now())
	if m := published.Manifest; m.State == report.Failed {
		t.cfg.Log.Warn("A scheduled report is Failed; it is made again when its hours, prices or quotas change",
			"schedule", name, "period", p.window, "failures", strings.Join(m.Failures, "; "))
		return nil
	}
	t.cfg.Log.Info("Made a scheduled report", "schedule", name, "period", p.window, "object", published.CSVKey)
	return nil
}

// table rolls the hours of a period up. All hours that can't be read are found at
// once; before the deadline the error names them.
func (t *scheduleTask) table(ctx context.Context, p *period, spec report.Spec) (report.Table, error) {
	if !t.cfg.Now().Before(t.deadline(p)) {
		return t.tasks.tolerant(t.cfg.Maker).Make(ctx, spec, func(window.Window) {})
	}
	var found damages
	table, err := t.cfg.Maker.Tolerating(reporting.Tolerance{Hour: found.add, Day: t.tasks.damagedDay}).Make(ctx, spec, func(window.Window) {})
	if of, is := unreadable(err); is {
		found.add(of)
	}
	t.tasks.damaged(found...)
	return table, cmp.Or(err, found.err())
}
