// Command gputally-reporter closes the books on GPU-seconds and reports them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gputally/gputally/reporter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	info, err := os.Stderr.Stat()
	err = reporter.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, reporter.Options{
		Now:      time.Now,
		Terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gputally-reporter:", err)
	}
	os.Exit(reporter.ExitCode(err))
}
