package collector

import (
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/gputally/gputally/collector/kubelet"
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
	socket      *string
	checkpoint  *string
	resources   *[]string
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
		socket: app.Flag("kubelet.socket", "Pod-resources socket of the kubelet.").
			Default(kubelet.DefaultSocket).String(),
		checkpoint: app.Flag("kubelet.checkpoint", "Device checkpoint of the kubelet, from which pod UIDs are read; empty to do without.").
			Default(kubelet.DefaultCheckpoint).String(),
		resources: app.Flag("kubelet.resource", "Extended resources that are GPUs, as patterns; repeatable.").
			Default("nvidia.com/*").Strings(),
	}
}

// nameBadFlag finds the flag whose value can't be read: kingpin's own errors
// tell only what is wrong with the value.
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

// check tells all that is wrong with the values at once.
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
	for _, p := range *f.resources {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("--kubelet.resource: %q: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

// patience is how old the latest poll may be before the process counts as
// sick. A poll waits for the driver twice and for the kubelet once, so that
// only a meter that is truly stuck gets there.
func (f *flags) patience() time.Duration {
	return stalled**f.interval + 2**f.callTimeout + kubeletTimeout
}
