package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/gputally/gputally/internal/webserver"
)

// maxScrapes is how many answers to scrapes are made at one time; more get a 503.
// The collector has as many. Scrapes of one kind share an answer.
const maxScrapes = 40

// Paths of the probes, which need no credentials.
const (
	pathHealth = "/healthz"
	pathReady  = "/readyz"
)

// register adds what the process shows of itself to its metrics.
func (s *Server) register() error {
	for _, c := range []prometheus.Collector{
		s.status,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("gputally_reporter"),
	} {
		if err := s.cfg.Registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// answer answers requests until ctx ends, each address with a server of its own.
func (s *Server) answer(ctx context.Context) error {
	addresses := *s.cfg.Web.WebListenAddresses
	if systemd := s.cfg.Web.WebSystemdSocket; systemd != nil && *systemd {
		addresses = []string{""} // whatever systemd has opened
	}
	var servers []*http.Server
	served := make(chan error, len(addresses))
	for _, address := range addresses {
		one, flags := s.httpServer(), *s.cfg.Web
		flags.WebListenAddresses = &[]string{address}
		servers = append(servers, one)
		go func() { served <- web.ListenAndServe(one, &flags, s.cfg.Log) }()
	}
	var failed error
	select {
	case err := <-served:
		failed = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	for _, one := range servers {
		if err := one.Shutdown(down); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// httpServer answers with the handler, and the probes without credentials: the
// toolkit puts its check of credentials in front of the handler before it listens,
// and the probes are put in front of that when the listener opens.
func (s *Server) httpServer() *http.Server {
	server := webserver.Limit(&http.Server{Handler: s.handler()}) //nolint:gosec // has its limits from there
	server.BaseContext = func(net.Listener) context.Context {
		server.Handler = webserver.Guard(s.probes(server.Handler))
		return context.Background()
	}
	return server
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{Registry: s.cfg.Registry, MaxRequestsInFlight: maxScrapes})
	mux.Handle("GET /metrics", webserver.Share(metrics, "Accept", "Accept-Encoding"))
	mux.Handle("GET /{$}", webserver.Share(s.status))
	return mux
}

// probes answers the probes by itself and leaves the rest to another handler.
func (s *Server) probes(others http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", others)
	mux.HandleFunc("GET "+pathHealth, func(w http.ResponseWriter, _ *http.Request) {
		// Neither a bucket nor a Prometheus that is away is mended by a restart.
		probe(w, s.tasks.Load().runner.Health())
	})
	mux.HandleFunc("GET "+pathReady, func(w http.ResponseWriter, _ *http.Request) {
		if !s.status.IsReady() {
			probe(w, errors.New("the bucket has not been read yet; see /metrics and the log"))
			return
		}
		probe(w, nil)
	})
	return mux
}

// probe answers a probe.
func probe(w http.ResponseWriter, wrong error) {
	if wrong != nil {
		http.Error(w, wrong.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
