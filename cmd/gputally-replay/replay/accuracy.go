package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/prom/promserver"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// cluster is what the replayed fleet is called.
const cluster = "replay"

// The marks of the accuracy run.
const (
	worstTotal = 0.001           // relative error of the GPU-hours in all
	shortest   = 5 * time.Second // a pod that lived so long must be there
)

// accuracy runs the whole pipeline and compares its ledger with the truth.
func (r *run) accuracy(ctx context.Context, dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "gputally-accuracy-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	began := r.now()
	lap := func(what string) {
		fmt.Fprintf(r.stdout, "%-34s %8s\n", what, r.now().Sub(began).Round(10*time.Millisecond))
		began = r.now()
	}
	stats, err := r.write(ctx, promserver.DataDir(dir))
	if err != nil {
		return err
	}
	r.describe(stats)
	fmt.Fprintln(r.stdout)
	lap("history written in")
	if err := r.books(ctx, dir, lap); err != nil {
		return err
	}
	result, err := r.compare(ctx, filepath.Join(dir, "bucket"))
	if err != nil {
		return err
	}
	lap("compared with the truth in")
	fmt.Fprintln(r.stdout)
	if err := r.disk(dir); err != nil {
		return err
	}
	fmt.Fprintln(r.stdout)
	return result.print(r.stdout, r.placement.Counts.TraceGPU)
}

// books closes every hour from a real Prometheus and makes the reports.
func (r *run) books(ctx context.Context, dir string, lap func(string)) (err error) {
	server, err := promserver.Start(ctx, promserver.Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	lap("Prometheus started in")
	file := filepath.Join(dir, "gputally.yaml")
	content := fmt.Sprintf("cluster: %s\nprometheus: {url: %q, selector: {job: %s}}\nbucket: {url: %q}\n", cluster, server.URL, job, "file://"+filepath.Join(dir, "bucket"))
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		return err
	}
	run := func(args ...string) error {
		return reporter.Run(ctx, append([]string{"--config=" + file, "--log.level=error"}, args...), io.Discard, r.stderr, reporter.Options{Now: r.now})
	}
	if err := run("close", "--from="+r.from.Format(time.RFC3339), "--to="+r.to.Format(time.RFC3339)); err != nil {
		return err
	}
	lap(fmt.Sprintf("%.0f hours closed in", r.to.Sub(r.from).Hours()))
	period := r.from.Format(time.DateOnly) + "/" + r.to.Format(time.DateOnly)
	for _, by := range []string{"namespace", "pod"} {
		if err := run("report", "--by="+by, "--period="+period, "--format=none"); err != nil {
			return err
		}
		lap("reported by " + by + " in")
	}
	return nil
}

// held identifies GPU-time by pod and hour.
type held struct {
	holder device.Holder
	hour   time.Time
}

// result compares GPU-seconds.
type result struct {
	truth, measured   float64
	absolute          float64 // sum of |measured - truth| over pods and hours
	worst             float64 // largest of them
	pods, short, lost int     // pods; those that lived less than the shortest; those of at least it that are missing
	estimated         float64
	coverage          usage.Coverage
	invented          int // pods and hours that the truth does not know
}

// compare reads the ledger back.
func (r *run) compare(ctx context.Context, dir string) (result, error) {
	var res result
	store, err := open.Bucket(ctx, open.Config{URL: "file://" + dir})
	if err != nil {
		return res, err
	}
	books := ledger.New(store, ledger.Config{})
	measured := map[held]float64{}
	found := map[device.Holder]bool{}
	for hour := range (window.Window{From: r.from, To: r.to}).Hours() {
		h, _, err := books.Hour(ctx, cluster, hour)
		if err != nil {
			return res, err
		}
		res.coverage.Expected += h.Coverage.Expected
		res.coverage.Uncovered += h.Coverage.Uncovered
		res.coverage.Residue += h.Coverage.Residue
		for _, s := range h.Segments {
			if s.State != usage.Allocated {
				continue
			}
			holder := device.Holder{Namespace: s.Namespace, Pod: s.Pod, PodUID: s.PodUID, Container: s.Container}
			measured[held{holder, hour.From}] += float64(s.GPUMillis) / 1e3
			found[holder] = true
			res.measured += float64(s.GPUMillis) / 1e3
			res.estimated += float64(s.EstimatedMillis) / 1e3
		}
	}
	for _, t := range r.placement.Truth(r.from, r.to) {
		key := held{t.Holder, t.Hour}
		off := math.Abs(measured[key] - t.Seconds())
		delete(measured, key)
		res.truth += t.Seconds()
		res.absolute += off
		res.worst = max(res.worst, off)
	}
	for _, seconds := range measured {
		res.absolute += seconds
		res.worst = max(res.worst, seconds)
		res.invented++
	}
	for _, p := range r.placement.Placed {
		begin, end := p.From, p.To
		if begin.Before(r.from) {
			begin = r.from
		}
		if end.After(r.to) {
			end = r.to
		}
		life := end.Sub(begin)
		if life <= 0 {
			continue
		}
		res.pods++
		switch {
		case life < shortest:
			res.short++
		case !found[p.Holder]:
			res.lost++
		}
	}
	return res, nil
}

func (res result) print(w io.Writer, claimed time.Duration) error {
	total := (res.measured - res.truth) / res.truth
	fmt.Fprintf(w, "GPU-hours that the trace claims    %14.4f\n", claimed.Hours())
	fmt.Fprintf(w, "GPU-hours placed: the truth        %14.4f\n", res.truth/3600)
	fmt.Fprintf(w, "GPU-hours in the ledger            %14.4f\n", res.measured/3600)
	fmt.Fprintf(w, "total off by                       %+13.5f %%\n", 100*total)
	fmt.Fprintf(w, "sum of errors per pod and hour     %14.5f %%\n", 100*res.absolute/res.truth)
	fmt.Fprintf(w, "largest error of a pod and hour    %14.3f GPU-seconds\n", res.worst)
	fmt.Fprintf(w, "estimated over restarts            %14.4f GPU-hours\n", res.estimated/3600)
	fmt.Fprintf(w, "uncovered                          %14.5f %% of the fleet's time, residue %d ms\n",
		100*float64(res.coverage.Uncovered)/float64(res.coverage.Expected), res.coverage.Residue)
	fmt.Fprintf(w, "pods                               %14d, of them under %s: %d\n", res.pods, shortest, res.short)
	fmt.Fprintf(w, "pods of %s or longer missing       %14d\n", shortest, res.lost)
	if math.Abs(total) > worstTotal || res.lost > 0 {
		return fmt.Errorf("%w: the total may be off by %.1f %%, and no pod of %s or longer may be missing", errInexact, 100*worstTotal, shortest)
	}
	return nil
}

// disk says what the run needed.
func (r *run) disk(dir string) error {
	for _, part := range []struct{ name, path string }{
		{"Prometheus blocks", promserver.DataDir(dir)},
		{"ledger", filepath.Join(dir, "bucket", "ledger")},
		{"reports", filepath.Join(dir, "bucket", "reports")},
	} {
		size := int64(0)
		err := filepath.WalkDir(part.path, func(_ string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			info, err := e.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(r.stdout, "%-34s %8.1f MB\n", part.name, float64(size)/1e6)
	}
	return nil
}
