package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/ledger"
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
	clusters []string         // names of the configured ones
	anyway   *reporting.Maker // leaves out hours that can't be read

	due     time.Time     // when a period is released next; zero: now
	retry   window.Window // Failed reports that overlap it are made again, once
	periods periods       // to be reported
	more    bool          // there are more than that, once these are reported
	failed  failedReports // among the current reports

	mu   sync.Mutex
	news []window.Window // reports that overlap one of these are compared with their hours
}

func newScheduleTask(c Config, s schedule.Schedule, shown *status.Status, all *tasks) *scheduleTask {
	now := c.Now().UTC()
	t := &scheduleTask{
		cfg: c, status: shown, tasks: all, schedule: s, anyway: c.Maker.Skipping(all.progress.unreadable),
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
// after a pause of its own, and later periods go on; a failure of a server ends
// the run.
func (t *scheduleTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	defer func() { t.status.FailedReports(t.schedule.Name, t.failed.count(t.cfg.Now())) }()
	if err := t.look(ctx, run); err != nil {
		return time.Time{}, err
	}
	for _, p := range t.periods.ready(t.cfg.Now(), t.late) {
		err := run.Unit(ctx, "period "+window.Key(p.window, t.schedule.Zone), func(ctx context.Context) error { return t.make(ctx, p) })
		switch {
		case err == nil:
			t.periods.done(p)
		case ctx.Err() != nil:
			return time.Time{}, err
		default:
			t.status.ReportFailed(t.schedule.Name)
			if ofServer(err) {
				return time.Time{}, err
			}
			p.failed(t.cfg.Now(), t.tasks.runner.Backoff(), err)
		}
	}
	if t.more && len(t.periods) == 0 {
		t.due = time.Time{}
	}
	return t.periods.next(t.cfg.Now(), t.due, t.deadline), t.periods.err()
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
	maker := t.cfg.Maker
	if !t.cfg.Now().Before(t.deadline(p)) {
		maker = t.anyway
	}
	table, err := maker.Make(ctx, report.Spec{
		Window: p.window, TimeZone: t.schedule.Zone.String(), GroupBy: by,
	}, func(window.Window) {})
	if of, is := unreadable(err); is {
		t.tasks.damaged(of)
	}
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

// unreadable returns which hours made a report fail because they can't be read
// from the ledger, if it was that and not the bucket.
func unreadable(err error) (of unreadableHours, is bool) {
	hour, damage := (*reporting.HourError)(nil), (*ledger.CorruptError)(nil)
	if !errors.As(err, &hour) || ofServer(err) || errors.Is(err, context.Canceled) {
		return of, false
	}
	of = unreadableHours{hour.Cluster, hour.Hour}
	if errors.As(err, &damage) {
		of.hours = damage.Hour // all of the day if it is an object of the daily table
	}
	return of, true
}

// unreadableHours are an hour or a day of a cluster.
type unreadableHours struct {
	cluster string
	hours   window.Window
}

// look finds the periods that are to be reported, if any may have been added.
func (t *scheduleTask) look(ctx context.Context, run *task.Run) error {
	now, news := t.cfg.Now(), t.take()
	if len(news) == 0 && now.Before(t.due) {
		return nil
	}
	err := run.Unit(ctx, "look for periods to report", func(ctx context.Context) error { return t.find(ctx, now, news) })
	if err != nil {
		t.tell(news)
		return err
	}
	t.due, t.retry = t.schedule.Next(now, t.cfg.Settle), window.Window{}
	return nil
}

// find adds the periods whose reports are to be made again, and those that have no
// final report.
func (t *scheduleTask) find(ctx context.Context, now time.Time, news []window.Window) error {
	first, found, err := t.cfg.Index.FirstOf(ctx, t.clusters)
	if err != nil || !found {
		return err
	}
	var last window.Window
	var compare []archive.Record
	earliest := earliestOf(slices.Concat(news, []window.Window{t.retry}))
	for r, err := range t.cfg.Archive.List(ctx, archive.Query{Name: t.schedule.Name, Current: true, Final: true}) {
		if err != nil {
			return err
		}
		if r.To.After(last.To) {
			last = r.Window()
		}
		t.failed.note(r.Window(), r.State, r.To)
		if !r.To.After(earliest) {
			break // those that are left ended earlier: they are periods of one length
		}
		switch {
		case r.State == report.Failed && t.retry.Overlaps(r.Window()):
			t.periods.add(r.Window(), now)
		case slices.ContainsFunc(news, r.Window().Overlaps):
			compare = append(compare, r)
		}
	}
	outdated, err := t.cfg.Archive.Outdated(ctx, compare)
	if err != nil {
		return err
	}
	for _, r := range outdated {
		t.periods.add(r.Record.Window(), now)
	}
	due := schedule.Due(t.schedule, last, now, t.cfg.Settle, first.From)
	for _, w := range due {
		t.periods.add(w, time.Time{})
	}
	t.more = len(due) == schedule.MaxDue
	return nil
}

// earliestOf is when the first of the windows that are not empty begins, the end of
// time if there are none.
func earliestOf(windows []window.Window) time.Time {
	earliest := time.UnixMilli(math.MaxInt64)
	for _, w := range windows {
		if w.From.Before(w.To) && w.From.Before(earliest) {
			earliest = w.From
		}
	}
	return earliest
}
