package bench

import (
	"context"
	"errors"
	"time"

	"github.com/gputally/gputally/internal/promserver"
)

// against runs a measurement on a Prometheus that was just started on the
// blocks, and adds what the server took.
func (r *run) against(ctx context.Context, blocks string, measure func(url string) (spent, error)) (s spent, err error) {
	server, err := promserver.Start(ctx, promserver.Config{
		Dir: blocks, Retention: 10 * 365 * 24 * time.Hour,
		// It must not be busy with making longer blocks of them.
		ExtraArgs: []string{"--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h"},
	})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	const anonymous = "RssAnon"
	idle, err := memory(server.PID(), anonymous)
	if err != nil {
		return s, err
	}
	began, err := processorTime(server.PID())
	if err != nil {
		return s, err
	}
	highest := watch(server.PID(), anonymous)
	s, err = measure(server.URL)
	s.server.idle, s.server.highest = idle, max(idle, highest())
	if err != nil {
		return s, err
	}
	ended, err := processorTime(server.PID())
	s.server.cpu = ended - began
	return s, err
}
