// Command gputally-collector meters the GPU-seconds of containers on one
// Kubernetes node and exposes them to Prometheus.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gputally/gputally/collector"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := collector.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, collector.Options{Now: time.Now, Release: requests()})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gputally-collector:", err)
	}
	os.Exit(collector.ExitCode(err))
}
