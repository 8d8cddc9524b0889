package metric

import (
	"github.com/gputally/gputally/collector/metric"
)

// Label names of the reporter's families, in addition to those of the collector.
const (
	LabelCluster    = "cluster"
	LabelProject    = "project"
	LabelDepartment = "department"
	LabelNodePool   = "node_pool"
	LabelCurrency   = "currency"
	LabelSchedule   = "schedule"
	LabelRoad       = "road"
	LabelKind       = "kind"
	LabelTask       = "task" // its kind: close, upkeep, schedule, figures, changes or prune
	LabelName       = "name" // of the cluster or schedule that the task is for; "" for other tasks
	LabelState      = metric.LabelState
)

var byProject = []string{LabelProject, LabelDepartment, LabelNodePool}

// What the latest closed hour says, by project and node pool.
var (
	ProjectAllocatedGPUs = metric.Family{
		Name: "gputally_project_allocated_gpus", Type: metric.Gauge, Labels: byProject,
		Help: "GPUs held by the project, averaged over the latest hour that all clusters have closed.",
	}
	ProjectDeservedGPUs = metric.Family{
		Name: "gputally_project_deserved_gpus", Type: metric.Gauge, Labels: byProject,
		Help: "GPUs that the project's quota grants it, averaged over the latest closed hour.",
	}
	ProjectOverQuotaGPUs = metric.Family{
		Name: "gputally_project_over_quota_gpus", Type: metric.Gauge, Labels: byProject,
		Help: "GPUs held beyond the quota, averaged over the latest closed hour.",
	}
	ProjectMonthCost = metric.Family{
		Name: "gputally_project_month_to_date_cost", Type: metric.Gauge,
		Labels: []string{LabelProject, LabelDepartment, LabelCurrency},
		Help:   "Cost of the hours closed in the UTC month of the latest closed hour, in units of the currency.",
	}
	ProjectMonthGPUHours = metric.Family{
		Name: "gputally_project_month_to_date_gpu_hours", Type: metric.Gauge,
		Labels: []string{LabelProject, LabelDepartment},
		Help:   "GPU-hours held in the hours closed in the UTC month of the latest closed hour.",
	}
)

// The reporter about itself.
var (
	ClosedHour = metric.Family{
		Name: "gputally_reporter_closed_until_timestamp_seconds", Type: metric.Gauge, Unit: "seconds",
		Labels: []string{LabelCluster},
		Help:   "Unix time of the end of the latest closed hour.",
	}
	HourCoverage = metric.Family{
		Name: "gputally_reporter_hour_coverage_ratio", Type: metric.Gauge, Unit: "ratio",
		Labels: []string{LabelCluster},
		Help:   "Share of the GPU time of the latest closed hour that samples account for.",
	}
	CloseDuration = metric.Family{
		Name: "gputally_reporter_close_duration_seconds", Type: metric.Gauge, Unit: "seconds",
		Labels: []string{LabelCluster},
		Help:   "Time that closing the latest hour took.",
	}
	HoursClosed = metric.Family{
		Name: "gputally_reporter_hours_closed_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Hours closed or restated by this process.",
	}
	CloseFailures = metric.Family{
		Name: "gputally_reporter_close_failures_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Attempts to close an hour that failed.",
	}
	HoursRestated = metric.Family{
		Name: "gputally_reporter_hours_restated_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Closed hours that this process replaced, because their samples say something else now.",
	}
	EdgesDisagreed = metric.Family{
		Name: "gputally_reporter_edge_disagreements_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Edges on which two neighbouring hours did not agree after one was restated, and which were repaired.",
	}
	HoursSetAside = metric.Family{
		Name: "gputally_reporter_hours_set_aside", Type: metric.Gauge,
		Labels: []string{LabelCluster},
		Help:   "Hours that failed by themselves three times or can't be read from the ledger. Later hours go on; these are tried again, and the status page names them.",
	}
	FiguresUntil = metric.Family{
		Name: "gputally_reporter_figures_until_timestamp_seconds", Type: metric.Gauge, Unit: "seconds",
		Help: "Unix time of the end of the hour up to which the figures per project go. They don't wait for a cluster that is far behind.",
	}
	FiguresLacking = metric.Family{
		Name: "gputally_reporter_figures_lacking_hours", Type: metric.Gauge, Unit: "hours",
		Labels: []string{LabelCluster},
		Help:   "Hours of the UTC month so far that the figures per project lack: they are not closed, have no samples, or can't be read. Hours before the cluster's first one don't count.",
	}
	Reads = metric.Family{
		Name: "gputally_reporter_reads_total", Type: metric.Counter,
		Labels: []string{LabelCluster, LabelRoad},
		Help:   "Reads of raw samples, by how they are read: remote_read, export or json; unknown until that is detected.",
	}
	ReadFailures = metric.Family{
		Name: "gputally_reporter_read_failures_total", Type: metric.Counter,
		Labels: []string{LabelCluster, LabelRoad, LabelKind},
		Help:   "Reads of raw samples that failed, after their retries, by kind of failure. After limit and timeout a read is halved.",
	}
	SeriesRead = metric.Family{
		Name: "gputally_reporter_series_read_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Series that were read; a series that is read in several parts counts once for each part.",
	}
	SamplesRead = metric.Family{
		Name: "gputally_reporter_samples_read_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Raw samples that were read.",
	}
	DaysCompacted = metric.Family{
		Name: "gputally_reporter_days_compacted_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Daily tables that this process wrote.",
	}
	PrunedObjects = metric.Family{
		Name: "gputally_reporter_pruned_objects_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Objects of the ledger that this process deleted because of their age.",
	}
	PrunedBytes = metric.Family{
		Name: "gputally_reporter_pruned_bytes_total", Type: metric.Counter, Unit: "bytes",
		Labels: []string{LabelCluster},
		Help:   "Bytes of the objects that this process deleted because of their age.",
	}
	UpkeepFailures = metric.Family{
		Name: "gputally_reporter_upkeep_failures_total", Type: metric.Counter,
		Labels: []string{LabelCluster},
		Help:   "Attempts to compact and prune the ledger that failed.",
	}
	Reports = metric.Family{
		Name: "gputally_reporter_reports_total", Type: metric.Counter,
		Labels: []string{LabelSchedule, LabelState},
		Help:   "Scheduled reports made by this process, by outcome: Ready or Failed.",
	}
	ReportFailures = metric.Family{
		Name: "gputally_reporter_report_failures_total", Type: metric.Counter,
		Labels: []string{LabelSchedule},
		Help:   "Attempts to make a scheduled report that ended with an error and will be tried again.",
	}
	FailedReports = metric.Family{
		Name: "gputally_reporter_failed_reports", Type: metric.Gauge,
		Labels: []string{LabelSchedule},
		Help:   "Periods of the last seven days whose current report is Failed, and older ones whose report became so in that time. They are made again when their inputs change.",
	}
	LastTick = metric.Family{
		Name: "gputally_reporter_last_tick_timestamp_seconds", Type: metric.Gauge, Unit: "seconds",
		Help: "Unix time at which the reporter last looked for tasks that are due.",
	}
)

// Reading lists the families about what is read from Prometheus.
func Reading() []*metric.Family {
	return []*metric.Family{&Reads, &ReadFailures, &SeriesRead, &SamplesRead}
}

// Families lists every family of the catalogue, in the order of the documentation.
func Families() []*metric.Family {
	return []*metric.Family{
		&ProjectAllocatedGPUs, &ProjectDeservedGPUs, &ProjectOverQuotaGPUs, &ProjectMonthCost, &ProjectMonthGPUHours,
		&ClosedHour, &HourCoverage, &CloseDuration, &HoursClosed, &CloseFailures,
		&HoursRestated, &EdgesDisagreed, &Reads, &ReadFailures, &SeriesRead, &SamplesRead,
		&HoursSetAside, &FiguresUntil, &FiguresLacking, &DaysCompacted, &PrunedObjects, &PrunedBytes, &UpkeepFailures,
		&Reports, &FailedReports, &ReportFailures, &LastTick,
		&TaskRunning, &TaskHanging, &TaskNext, &TaskBegun, &TaskFailures, &TaskAttempts, &TaskBackoff, &TaskLastSuccess, &TaskLastFailure,
		&ReloadSuccessful, &ReloadTime,
	}
}
