package collector

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/cdi"
	"github.com/gputally/gputally/collector/cgroup"
	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/metric"
)

// ErrUsage means that the flags make no sense; the message says which.
var ErrUsage = errors.New("bad flags")

// Attribution modes, the values of --attribution and of the metric label.
const (
	attributionKubelet = "kubelet"
	attributionNone    = "none"
)

// kubeletTimeout is how long a poll waits for the kubelet.
const kubeletTimeout = 2 * time.Second

type flags struct {
	node        *string
	attribution *string
	interval    *time.Duration
	maxGap      *time.Duration
	library     *string
	callTimeout *time.Duration
	giveUp      *time.Duration
	socket      *string
	checkpoint  *string
	resources   *[]string
	podLogs     *string
	drivers     *[]string
	cdi         *[]string
	devices     *map[string]string
	splitClaims *bool
	admins      *[]string
	processes   *bool
	split       *bool
	proc        *string
	cgroups     *string
	logs        *string
	xid         *bool
	ecc         *bool
	rowRemap    *bool
	throttle    *bool
	nvlink      *bool
	pcie        *bool
	lock        *string

	web         *web.FlagConfig
	path        *string
	bare        *bool
	maxRequests *int
	logging     *promslog.Config
}

// parse reads the arguments. Nothing is returned when they ask for help or for
// the version: that has been written to stdout then.
func parse(args []string, stdout, stderr io.Writer) (*flags, error) {
	app := kingpin.New(name, "Meters the GPU-seconds of containers on one Kubernetes node and exposes them to Prometheus.")
	answered := false
	app.UsageWriter(stdout).ErrorWriter(stderr).Terminate(func(int) {
		answered = true
		app.UsageWriter(io.Discard) // the parser goes on and may have more to say
	})
	f := addFlags(app)
	f.addWebFlags(app)
	f.logging = &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, f.logging)
	app.Version(version.Print(name))
	app.HelpFlag.Short('h')
	_, err := app.Parse(args)
	if answered {
		return nil, nil
	}
	if err == nil {
		err = f.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w (see --help)", ErrUsage, err)
	}
	return f, nil
}

func addFlags(app *kingpin.Application) *flags {
	app.PreAction(nameBadFlag)
	host, _ := os.Hostname() // "" is refused by check
	return &flags{
		node: app.Flag("node", "Name of this node, as Kubernetes knows it.").
			Envar("NODE_NAME").Default(host).String(),
		attribution: app.Flag("attribution", "How containers are found: kubelet (pod-resources), or none on a machine without Kubernetes.").
			Default(attributionKubelet).Enum(attributionKubelet, attributionNone),
		interval: app.Flag("meter.interval", "Time between polls of the driver and the kubelet.").
			Default("1s").Duration(),
		maxGap: app.Flag("meter.max-gap", "Longest time between polls that is charged to what was seen last.").
			Default("10s").Duration(),
		library: app.Flag("nvml.library", "Path of libnvidia-ml.so.1, where the loader does not find it.").
			Default("").String(),
		callTimeout: app.Flag("nvml.timeout", "Time after which a driver call counts as hanging and its GPU as down.").
			Default("2s").Duration(),
		giveUp: app.Flag("nvml.give-up", "How long the driver may fail on a node where it worked until the process ends with code 4, so that a new container gets its device files; 0 for ever.").
			Default("5m").Duration(),
		socket: app.Flag("kubelet.socket", "Pod-resources socket of the kubelet.").
			Default(kubelet.DefaultSocket).String(),
		checkpoint: app.Flag("kubelet.checkpoint", "Device checkpoint of the kubelet, from which pod UIDs are read; empty to do without.").
			Default(kubelet.DefaultCheckpoint).String(),
		resources: app.Flag("kubelet.resource", "Further extended resources that are GPUs, as patterns; repeatable. Known are "+strings.Join(kubelet.DefaultResources(), ", ")+".").
			Strings(),
		podLogs: app.Flag("kubelet.pod-logs", "Folder whose names contain pod UIDs, for pods that are not in the checkpoint, such as those with claims: "+kubelet.DefaultPodLogs+". No file in it is opened; empty to do without.").
			Default("").String(),
		drivers: app.Flag("dra.driver", "Further drivers of dynamic resource allocation whose devices are GPUs, as patterns; repeatable. Known is "+strings.Join(kubelet.DefaultDrivers(), ", ")+".").
			Strings(),
		cdi: app.Flag("dra.cdi", "Folders of CDI files, in which the GPUs of claims are found; repeatable.").
			Default(cdi.DefaultDirs()...).Strings(),
		devices: app.Flag("dra.device", "Device id of a claimed device that is in no CDI file, as driver/pool/device=id; repeatable.").
			StringMap(),
		admins: app.Flag("dra.admin-access", "ResourceClaims that have admin access and hold nothing, as patterns namespace or namespace/claim (monitoring, team/watch-*); repeatable.").
			Strings(),
		splitClaims: app.Flag("dra.split-shared-claims", "Divide a ResourceClaim that several pods name evenly among them, instead of charging it to nobody.").
			Bool(),
		processes: app.Flag("activity.processes", "Measure each container on a shared GPU by its processes; needs the host's PID namespace (hostPID).").
			Bool(),
		split: app.Flag("activity.split-evenly", "Divide by share what a shared GPU does where containers can't be measured one by one, instead of leaving it unknown.").
			Bool(),
		proc: app.Flag("host.proc", "Where the host's processes are found.").
			Default("/proc").String(),
		cgroups: app.Flag("host.cgroup", "Where the host's cgroups are found, which show which pods there are; for Kubernetes before 1.34, which lists pods after their end. Empty to do without.").
			Default(cgroup.DefaultRoot).String(),
		logs: app.Flag("host.container-logs", "Folder whose names contain the containers' names; no file in it is opened; empty to do without.").
			Default(cgroup.DefaultContainerLogs).String(),
		xid: app.Flag("nvml.xid", "Count the errors that the driver reports (XID).").
			Bool(),
		ecc: app.Flag("nvml.ecc", "Show the errors of the GPUs' memories (ECC).").
			Bool(),
		rowRemap: app.Flag("nvml.row-remap", "Show the rows of memory that were replaced.").
			Bool(),
		throttle: app.Flag("nvml.throttle", "Show for how long the GPUs' clocks were held down, and why.").
			Bool(),
		nvlink: app.Flag("nvml.nvlink", "Show the data sent and received over NVLink.").
			Bool(),
		pcie: app.Flag("nvml.pcie", "Show the data sent and received over PCIe.").
			Bool(),
		lock: app.Flag("lock-file", "File on the host that this process locks while it meters, so that there is one collector per node; empty to do without.").
			Default("").String(),
	}
}

// addWebFlags adds the flags that Prometheus' exporters have.
func (f *flags) addWebFlags(app *kingpin.Application) {
	f.web = kingpinflag.AddFlags(app, DefaultAddress)
	f.path = app.Flag("web.telemetry-path", "Path under which to expose metrics.").
		Default("/metrics").String()
	f.bare = app.Flag("web.disable-exporter-metrics", "Exclude metrics about the exporter itself (promhttp_*, process_*, go_*).").
		Bool()
	f.maxRequests = app.Flag("web.max-requests", "Maximum number of requests served in parallel. Further requests are answered with 503 until one completes. Use 0 to disable.").
		Default("40").Int()
}

// nameBadFlag finds the flag whose value can't be read: kingpin's own errors
// say what is wrong with the value, but do not name the flag.
func nameBadFlag(c *kingpin.ParseContext) error {
	for _, e := range c.Elements {
		clause, ok := e.Clause.(*kingpin.FlagClause)
		if !ok || e.Value == nil {
			continue
		}
		flag := clause.Model()
		if list, ok := flag.Value.(interface{ IsCumulative() bool }); ok && list.IsCumulative() {
			continue // to set it again would add to it, and texts are never wrong here
		}
		if err := flag.Value.Set(*e.Value); err != nil {
			return fmt.Errorf("--%s: %w", flag.Name, err)
		}
	}
	return nil
}

// check returns all that is wrong with the values at once.
func (f *flags) check() error {
	var errs []error
	if *f.node == "" {
		errs = append(errs, errors.New("--node: the host has no name; set --node or NODE_NAME"))
	}
	if *f.interval < 100*time.Millisecond {
		errs = append(errs, fmt.Errorf("--meter.interval: %s is too short; at least 100ms", *f.interval))
	}
	if *f.maxGap < 2**f.interval {
		errs = append(errs, fmt.Errorf("--meter.max-gap: %s must be at least twice --meter.interval (%s)", *f.maxGap, *f.interval))
	}
	if *f.callTimeout <= 0 {
		errs = append(errs, fmt.Errorf("--nvml.timeout: %s must be above zero", *f.callTimeout))
	}
	if *f.giveUp < 0 {
		errs = append(errs, fmt.Errorf("--nvml.give-up: %s must not be negative", *f.giveUp))
	}
	for _, p := range *f.resources {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("--kubelet.resource: %q: %w", p, err))
		}
	}
	for _, p := range *f.drivers {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("--dra.driver: %q: %w", p, err))
		}
	}
	for _, p := range *f.admins {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("--dra.admin-access: %q: %w", p, err))
		}
		if strings.Count(p, "/") > 1 {
			errs = append(errs, fmt.Errorf("--dra.admin-access: %q is not namespace or namespace/claim", p))
		}
	}
	for name, id := range *f.devices {
		if _, ok := attribution.ParseID(id); !ok || strings.Count(name, "/") != 2 {
			errs = append(errs, fmt.Errorf("--dra.device: %s=%s is not driver/pool/device=id of a GPU or MIG instance", name, id))
		}
	}
	if *f.processes && !hostPIDs(*f.proc) {
		errs = append(errs, errors.New("--activity.processes: this process has a PID namespace of its own, in which the driver's PIDs lead nowhere; set hostPID: true"))
	}
	return errors.Join(append(errs, f.checkWeb()...)...)
}

func (f *flags) checkWeb() (errs []error) {
	if p := *f.path; !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "{} ") || p == pathHealth || p == pathReady {
		errs = append(errs, fmt.Errorf("--web.telemetry-path: %q is not a path of its own; it must begin with / and not be %s or %s", p, pathHealth, pathReady))
	}
	if *f.maxRequests < 0 {
		errs = append(errs, fmt.Errorf("--web.max-requests: %d is below zero", *f.maxRequests))
	}
	return errs
}

// hostPIDs is true if this process sees the host's processes under the PIDs that
// the driver reports. 4026531836 is the kernel's PROC_PID_INIT_INO: the first PID
// namespace has the same number on every machine.
func hostPIDs(proc string) bool {
	ns, err := os.Readlink(filepath.Join(proc, "self", "ns", "pid"))
	return err == nil && ns == "pid:[4026531836]"
}

// isAdmin is true for the ResourceClaims that have admin access.
func (f *flags) isAdmin(claim device.ClaimName) bool {
	return slices.ContainsFunc(*f.admins, func(p string) bool {
		of := claim.Namespace
		if strings.Contains(p, "/") {
			of = claim.String()
		}
		ok, _ := path.Match(p, of) // the patterns were checked
		return ok
	})
}

// activity is how the activity of each container on a shared GPU is found.
func (f *flags) activity() string {
	switch {
	case *f.split:
		return metric.ActivitySplit
	case *f.processes:
		return metric.ActivityProcesses
	default:
		return metric.ActivityNone
	}
}

// patience is how old the latest poll may be before the process counts as
// sick. A poll waits for the driver twice and for the kubelet once, so that
// only a meter that is truly stuck gets there.
func (f *flags) patience() time.Duration {
	return stalled**f.interval + 2**f.callTimeout + kubeletTimeout
}
