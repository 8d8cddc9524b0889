package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/reporter"
)

// cluster is what the replayed fleet is called.
const cluster = "replay"

// accuracy runs the whole pipeline and compares its ledger with the truth.
func (r *run) accuracy(ctx context.Context) (err error) {
	if r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "gputally-accuracy-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	}
	if r.dir, err = filepath.Abs(r.dir); err != nil {
		return err
	}
	began := r.now()
	lap := func(what string) {
		fmt.Fprintf(r.stdout, "%-34s %8s\n", what, r.now().Sub(began).Round(10*time.Millisecond))
		began = r.now()
	}
	if err := r.write(ctx, promserver.DataDir(r.dir)); err != nil {
		return err
	}
	fmt.Fprintln(r.stdout)
	lap("history written in")
	failed := r.books(ctx, lap)
	if failed != nil && !errors.Is(failed, errInexact) {
		return failed
	}
	result, err := r.compare(ctx)
	if err != nil {
		return err
	}
	lap("compared with the truth in")
	fmt.Fprintln(r.stdout)
	if err := r.disk(); err != nil {
		return err
	}
	fmt.Fprintln(r.stdout)
	result.print(r.stdout, r.placement.Counts.TraceGPU)
	return errors.Join(failed, result.verdict())
}

// books closes every hour from a real Prometheus and makes the reports. That a
// report is Failed is errInexact: then the books are there all the same.
func (r *run) books(ctx context.Context, lap func(string)) (err error) {
	server, err := promserver.Start(ctx, promserver.Config{Dir: r.dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	lap("Prometheus started in")
	config := fmt.Sprintf("cluster: %s\nprometheus: {url: %q, selector: {job: %s}}\nbucket: {url: %q}\n", cluster, server.URL, job, r.bucket())
	if err := os.WriteFile(r.config(), []byte(config), 0o600); err != nil {
		return err
	}
	if err := r.reporter(ctx, "close", "--from="+r.from.Format(time.RFC3339), "--to="+r.to.Format(time.RFC3339)); err != nil {
		return err
	}
	lap(fmt.Sprintf("%.0f hours closed in", r.to.Sub(r.from).Hours()))
	period := r.from.Format(time.DateOnly) + "/" + r.to.Format(time.DateOnly)
	var failed error
	for _, by := range []string{"namespace", "pod"} {
		err := r.reporter(ctx, "report", "--by="+by, "--period="+period, "--format=none", "--publish-failed")
		switch {
		case reporter.ExitCode(err) == reporter.ExitReport:
			failed = errors.Join(failed, fmt.Errorf("%w: by %s: %w", errInexact, by, err))
		case err != nil:
			return err
		}
		lap("reported by " + by + " in")
	}
	return failed
}

// reporter runs a command of the reporter on a day after those replayed.
func (r *run) reporter(ctx context.Context, args ...string) error {
	return reporter.Run(ctx, append([]string{"--config=" + r.config(), "--log.level=error"}, args...), io.Discard, r.stderr,
		reporter.Options{Now: func() time.Time { return r.to.AddDate(0, 0, 1) }})
}

func (r *run) config() string { return filepath.Join(r.dir, "gputally.yaml") }

// bucket is the URL of the folder with ledger and reports.
func (r *run) bucket() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(r.dir, "bucket"))}).String()
}

// disk says what the run needed.
func (r *run) disk() error {
	for _, part := range []struct{ name, path string }{
		{"Prometheus blocks", promserver.DataDir(r.dir)},
		{"ledger", filepath.Join(r.dir, "bucket", "ledger")},
		{"reports", filepath.Join(r.dir, "bucket", "reports")},
	} {
		size, err := sizeOf(part.path)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.stdout, "%-34s %8.1f MB\n", part.name, float64(size)/1e6)
	}
	return nil
}

// sizeOf sums the files below a folder, in bytes.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
