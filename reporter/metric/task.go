package metric

import "github.com/gputally/gputally/collector/metric"

var byTask = []string{LabelTask, LabelName}

// The tasks of the service.
var (
	TaskRunning = metric.Family{
		Name: "gputally_reporter_task_running", Type: metric.Gauge, Labels: byTask,
		Help: "1 while the task runs, else 0.",
	}
	TaskHanging = metric.Family{
		Name: "gputally_reporter_task_hanging", Type: metric.Gauge, Labels: byTask,
		Help: "1 while the task works on one hour, period or the like for longer than it may, and did not end when it was to, else 0. While one hangs /healthz fails.",
	}
	TaskNext = metric.Family{
		Name: "gputally_reporter_task_next_timestamp_seconds", Type: metric.Gauge, Unit: "seconds", Labels: byTask,
		Help: "Unix time at which the task begins next; absent while it waits for another task to wake it.",
	}
	TaskBegun = metric.Family{
		Name: "gputally_reporter_task_runs_total", Type: metric.Counter, Labels: byTask,
		Help: "How often the task began.",
	}
	TaskFailures = metric.Family{
		Name: "gputally_reporter_task_failures_total", Type: metric.Counter, Labels: byTask,
		Help: "Runs of the task that failed.",
	}
	TaskAttempts = metric.Family{
		Name: "gputally_reporter_task_failed_attempts", Type: metric.Gauge, Labels: byTask,
		Help: "Runs of the task that failed since the last one that succeeded; 0 if that was the latest.",
	}
	TaskBackoff = metric.Family{
		Name: "gputally_reporter_task_backoff_seconds", Type: metric.Gauge, Unit: "seconds", Labels: byTask,
		Help: "Pause of the task after its latest run, which failed; 0 if that succeeded.",
	}
	TaskLastSuccess = metric.Family{
		Name: "gputally_reporter_task_last_success_timestamp_seconds", Type: metric.Gauge, Unit: "seconds", Labels: byTask,
		Help: "Unix time at which the task last succeeded.",
	}
	TaskLastFailure = metric.Family{
		Name: "gputally_reporter_task_last_failure_timestamp_seconds", Type: metric.Gauge, Unit: "seconds", Labels: byTask,
		Help: "Unix time at which the task last failed.",
	}
)

// The configuration of the service.
var (
	ReloadSuccessful = metric.Family{
		Name: "gputally_reporter_config_last_reload_successful", Type: metric.Gauge,
		Help: "1 if the configuration was read when it was last to be, else 0: then the one before is kept.",
	}
	ReloadTime = metric.Family{
		Name: "gputally_reporter_config_last_reload_success_timestamp_seconds", Type: metric.Gauge, Unit: "seconds",
		Help: "Unix time at which the configuration was last read.",
	}
)
