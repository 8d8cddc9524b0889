package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/gputally/gputally/reporter/status"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// Kinds of tasks.
const (
	kindClose    = "close"
	kindUpkeep   = "upkeep"
	kindSchedule = "schedule"
	kindFigures  = "figures"
	kindChanges  = "changes"
	kindPrune    = "prune"
)

const (
	// atOnce is how many units of work are done at one time.
	atOnce = 4
	// hourDeadline is for closing one hour, and for other requests about one cluster.
	hourDeadline = 30 * time.Minute
	// periodDeadline is for one report, one day to compact, and the figures.
	periodDeadline = 2 * time.Hour
)

// tasks are all tasks of the service.
type tasks struct {
	log       *slog.Logger
	runner    *task.Runner
	progress  *progress
	schedules []*scheduleTask
	figures   *figuresTask
}

func newTasks(c Config, shown *status.Status) *tasks {
	t := &tasks{log: c.Log, progress: newProgress(c.Clusters)}
	t.figures = &figuresTask{cfg: c, status: shown, month: t.tolerant(c.Maker).Month(), tasks: t, stale: true}
	changes := &changesTask{cfg: c, tasks: t, versions: map[string]string{}}
	all := []task.Task{{Kind: kindChanges, Deadline: hourDeadline, Work: changes.work}}
	for _, of := range c.Clusters {
		closing := newCloseTask(c, of, shown, t)
		all = append(all, task.Task{Kind: kindClose, Name: of.Name, Deadline: hourDeadline, Work: closing.work})
	}
	for _, s := range c.Schedules {
		made := newScheduleTask(c, s, shown, t)
		t.schedules = append(t.schedules, made)
		all = append(all, task.Task{Kind: kindSchedule, Name: s.Name, Deadline: periodDeadline, Work: made.work})
	}
	all = append(all, task.Task{Kind: kindFigures, Deadline: periodDeadline, Work: t.figures.work})
	for _, of := range c.Clusters {
		upkeep := &upkeepTask{cfg: c, cluster: of, status: shown, tasks: t}
		all = append(all, task.Task{Kind: kindUpkeep, Name: of.Name, Deadline: periodDeadline, Work: upkeep.work})
	}
	retention := &retentionTask{cfg: c}
	all = append(all, task.Task{Kind: kindPrune, Deadline: periodDeadline, Work: retention.work})
	t.runner = task.New(task.Config{Now: c.Now, Tick: c.Tick, Limit: atOnce, Jitter: c.Jitter, Log: c.Log}, all...)
	return t
}

// changed passes on that hours were closed or restated: figures are brought up to
// them, and reports are compared with their hours. Without hours, reports that wait
// for a cluster look how far it is.
func (t *tasks) changed(hours ...window.Window) {
	t.figures.note(len(hours) > 0)
	var ids []task.ID
	for _, s := range t.schedules {
		s.tell(hours)
		ids = append(ids, task.ID{Kind: kindSchedule, Name: s.schedule.Name})
	}
	t.runner.Wake(append(ids, task.ID{Kind: kindFigures})...)
}

// changesTask finds out whether another process changed what is closed.
type changesTask struct {
	cfg      Config
	tasks    *tasks
	versions map[string]string // of the clusters' indexes when they were last asked for
	day      time.Time         // on which all recent reports were last compared
	recent   bool              // they are to be compared
}

// lookEvery is how often a cluster's index is asked whether another process
// changed it.
const lookEvery = 5 * time.Minute

// work asks for the version of each cluster's index of the running month. Recent
// reports are compared with their hours when somebody else has changed one, and once a
// day: a command may have restated hours, or another process that ended before it made
// their reports again.
func (t *changesTask) work(ctx context.Context, run *task.Run) (time.Time, error) {
	now := t.cfg.Now()
	today := window.PeriodDay.Containing(now, time.UTC).From
	t.recent = t.recent || !t.day.Equal(today)
	for _, of := range t.cfg.Clusters {
		before, known := t.versions[of.Name]
		if !known { // the process starts, and whoever needs the index reads it
			t.versions[of.Name] = ""
			continue
		}
		var version string
		at := now.Add(-t.cfg.Settle - time.Hour)
		err := run.Unit(ctx, "index of cluster "+of.Name, func(ctx context.Context) (err error) {
			version, err = t.cfg.Index.Version(ctx, of.Name, at)
			return err
		})
		if err != nil {
			return time.Time{}, err
		}
		if before != version && !t.cfg.Index.WroteAlone(of.Name, at, before, version) {
			t.recent = true
			t.tasks.runner.Wake(task.ID{Kind: kindClose, Name: of.Name})
		}
		t.versions[of.Name] = version
	}
	t.day = today
	if t.recent {
		t.recent = false
		t.tasks.changed(window.Window{From: now.UTC().Add(-t.cfg.RestateWithin), To: now.UTC()})
	}
	return now.Add(lookEvery), nil
}
