// Command gputally-replay turns a trace of GPU pods into what collectors would
// have exposed, and measures the whole pipeline against the truth.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gputally/gputally/cmd/gputally-replay/replay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := replay.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, time.Now)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gputally-replay:", err)
	}
	os.Exit(replay.ExitCode(err))
}
