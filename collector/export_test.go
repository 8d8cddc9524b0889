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

var Lock = lock

// Probes are the pages /healthz and /readyz of a meter, for tests with a clock of
// their own.
func Probes(loop *meter.Loop, patience time.Duration, now func() time.Time) (health, ready http.Handler) {
	p := probes{loop, patience, now}
	return http.HandlerFunc(p.health), http.HandlerFunc(p.ready)
}

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
