// Command gputally-bench measures the reporter at fleet size: the built
// binaries on a real Prometheus, against the least that the work takes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gputally/gputally/cmd/gputally-bench/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	info, err := os.Stderr.Stat()
	err = bench.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, bench.Options{
		Now:      time.Now,
		Terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gputally-bench:", err)
	}
	os.Exit(bench.ExitCode(err))
}
