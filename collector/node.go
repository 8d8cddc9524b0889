package collector

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/cdi"
	"github.com/gputally/gputally/collector/cgroup"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/nvml"
)

// node is what meters a node, and what must be given back at the end.
type node struct {
	loop    *meter.Loop
	driver  *nvml.Source
	closers []io.Closer
	log     *slog.Logger
}

// close gives everything back, last things first. What fails is logged only: a
// driver that hangs to the end is no failure of this process.
func (n *node) close() {
	for _, c := range slices.Backward(n.closers) {
		if err := c.Close(); err != nil {
			n.log.Warn("The driver, the kubelet or the lock could not be released at the end", "err", err)
		}
	}
}

// obey releases and resumes the driver as requested, until ctx ends.
func (n *node) obey(ctx context.Context, release <-chan bool) {
	for {
		select {
		case <-ctx.Done():
			return
		case off := <-release:
			if off {
				n.driver.Release()
			} else {
				n.driver.Resume()
			}
		}
	}
}

// build makes the node from the flags. It waits for the lock, but not when ctx
// ends; the error is then that of ctx.
func (f *flags) build(ctx context.Context, log *slog.Logger, now func() time.Time) (*node, error) {
	n := &node{log: log}
	if err := f.assemble(ctx, n, now); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (f *flags) assemble(ctx context.Context, n *node, now func() time.Time) error {
	if *f.lock != "" {
		held, err := lock(ctx, *f.lock)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, held)
	}
	source, err := nvml.New(nvml.Config{
		Logger: n.log, Now: now, LibraryPath: *f.library, CallTimeout: *f.callTimeout,
		XID: *f.xid, ECC: *f.ecc, RowRemap: *f.rowRemap, Throttle: *f.throttle, NVLink: *f.nvlink, PCIe: *f.pcie,
	})
	if err != nil {
		return err
	}
	n.driver = source
	n.closers = append(n.closers, source)
	cfg := meter.LoopConfig{
		Source:      source,
		ByProcess:   *f.processes,
		SplitEvenly: *f.split,
		Interval:    *f.interval,
		MaxGap:      *f.maxGap,
		Now:         now,
		Logger:      n.log,
		GiveUp:      *f.giveUp,
		Fatal:       func(err error) bool { return errors.Is(err, nvml.ErrDriverChanged) },
	}
	if hostPIDs(*f.proc) { // else processes can't be looked up
		if cfg.Owners, err = cgroup.New(cgroup.Config{Proc: *f.proc, ContainerLogs: *f.logs, Now: now}); err != nil {
			return err
		}
	}
	if *f.attribution == attributionKubelet {
		client, err := f.attribute(&cfg)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, client)
	}
	n.loop, err = meter.NewLoop(cfg)
	return err
}

// attribute adds to cfg what finds out who holds the GPUs.
func (f *flags) attribute(cfg *meter.LoopConfig) (io.Closer, error) {
	var pods kubelet.Pods
	if *f.cgroups != "" {
		tree, err := cgroup.NewTree(cgroup.TreeConfig{Root: *f.cgroups, Now: cfg.Now})
		if err != nil {
			return nil, err
		}
		pods, cfg.Cgroups = tree, tree.Err
	}
	claimed, err := cdi.New(cdi.Config{Dirs: *f.cdi, Devices: *f.devices, Now: cfg.Now, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	client, err := kubelet.New(kubelet.Config{
		Socket:         *f.socket,
		CheckpointPath: *f.checkpoint,
		PodLogs:        *f.podLogs,
		Pods:           pods,
		Resources:      append(kubelet.DefaultResources(), *f.resources...),
		Drivers:        append(kubelet.DefaultDrivers(), *f.drivers...),
		Timeout:        kubeletTimeout,
		Grace:          *f.maxGap,
		Logger:         cfg.Logger,
		Now:            cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	cfg.Registry, cfg.Attribution = client, attribution.Config{Claims: claimed.Find, SplitClaims: *f.splitClaims, Admin: f.isAdmin}
	if *f.checkpoint != "" {
		cfg.Checkpoint = client.CheckpointErr
	}
	return client, nil
}
