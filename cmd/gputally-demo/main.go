// Command gputally-demo runs the whole pipeline on one machine: a simulated
// fleet, a real Prometheus, and the reporter on a local folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gputally/gputally/cmd/gputally-demo/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	info, err := os.Stderr.Stat()
	err = demo.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, demo.Options{
		Now:      time.Now,
		Terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
	})
	stop()
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return
	case errors.Is(err, demo.ErrUsage):
		fmt.Fprintln(os.Stderr, "gputally-demo:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "gputally-demo:", err)
		os.Exit(1)
	}
}
