package replay

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gputally/gputally/internal/simulate/trace"
)

// origin is the instant at which a trace's clock is 0.
var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// place reads the trace, or makes one up, and places it.
func place(f flags) (*run, error) {
	first, last, err := parseDays(f.days)
	if err != nil {
		return nil, err
	}
	r := &run{flags: f, from: origin.AddDate(0, 0, first), to: origin.AddDate(0, 0, last)}
	pods, hosts, err := r.trace(int64(last) * 86400)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	r.placement, err = trace.Place(pods, trace.Config{
		Origin: origin, From: r.from, To: r.to, Hosts: hosts, MaxHosts: f.maxNodes, Seed: f.seed,
	})
	if err != nil {
		return nil, err
	}
	if len(r.placement.Truth(r.from, r.to)) == 0 {
		return nil, fmt.Errorf("%w: --days: no pod of the trace runs on a GPU in the days %s%s", errUsage, f.days, extent(pods))
	}
	return r, nil
}

// extent says in which days pods run on GPUs, "" if none ever does.
func extent(pods []trace.Pod) string {
	first, last := int64(math.MaxInt64), int64(-1)
	for _, p := range pods {
		if p.GPUs > 0 && p.Scheduled >= 0 && p.Deleted > p.Scheduled {
			first, last = min(first, p.Scheduled), max(last, p.Deleted)
		}
	}
	if last < 0 {
		return ""
	}
	const day = 24 * 60 * 60
	return fmt.Sprintf("; some do in the days %d-%d", first/day, (last+day-1)/day)
}

// trace returns the pods and hosts of the files, or made-up ones until the
// trace's clock shows so many seconds.
func (r *run) trace(seconds int64) (pods []trace.Pod, hosts []trace.Host, err error) {
	if r.generate {
		workloads := trace.Teams()
		if r.churn > 0 {
			workloads = trace.Churn(r.churn)
		}
		for i := range r.maxNodes {
			hosts = append(hosts, trace.Host{Name: fmt.Sprintf("node-%d", i), GPUs: 8, Model: "NVIDIA H200"})
		}
		return trace.Generate(r.seed, seconds, workloads), hosts, nil
	}
	err = errors.Join(
		readFile(r.pods, func(file io.Reader) (err error) {
			pods, r.withoutGPU, err = trace.ReadPods(r.pods, file)
			return err
		}),
		readFile(r.nodes, func(file io.Reader) (err error) {
			if hosts, err = trace.ReadHosts(r.nodes, file); err == nil && len(hosts) == 0 {
				err = fmt.Errorf("%s: no node has a GPU", r.nodes)
			}
			return err
		}))
	return pods, hosts, err
}

func readFile(name string, read func(io.Reader) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if filepath.Ext(name) != ".gz" {
		return read(file)
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return read(z)
}

func (r *run) writeTruth() error {
	file, err := os.Create(r.truth)
	if err != nil {
		return err
	}
	return errors.Join(trace.WriteTruth(file, r.placement.Truth(r.from, r.to)), file.Close())
}
