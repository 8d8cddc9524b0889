package collector

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/meter"
)

// The handlers, for tests with a clock of their own, and the lock.
var (
	Healthz = healthz
	Readyz  = readyz
	Lock    = lock
)

// Serve serves a handler as Run does its pages, with a meter of no GPUs.
func Serve(ctx context.Context, h http.Handler, drain time.Duration, log io.Writer, onListen func(string)) error {
	logger := slog.New(slog.NewTextHandler(log, nil))
	loop, err := meter.NewLoop(meter.LoopConfig{Source: noGPUs{}, Now: time.Now, Logger: logger})
	if err != nil {
		return err
	}
	addresses, none := []string{"127.0.0.1:0"}, ""
	s := &server{
		loop: loop, log: logger, drain: drain, web: &web.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &none},
		http: &http.Server{Handler: h, BaseContext: func(l net.Listener) context.Context {
			onListen(l.Addr().String())
			return context.Background()
		}},
	}
	return s.run(ctx)
}

type noGPUs struct{}

func (noGPUs) Inventory(context.Context) (device.Inventory, error) { return device.Inventory{}, nil }
