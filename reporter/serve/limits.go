package serve

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What one client may take of the server. Whoever never reads, or never writes,
// is closed.
const (
	headerTimeout  = 10 * time.Second // for the headers of a request
	readTimeout    = 30 * time.Second // for a request
	writeTimeout   = time.Minute      // for a request and its answer
	idleTimeout    = 2 * time.Minute  // between two requests of a connection
	maxHeaderBytes = 64 << 10
	// maxScrapes is how many scrapes are answered at one time; more get a 503. The
	// collector has as many.
	maxScrapes = 40
)

// limited gives a server its limits.
func limited(server *http.Server) *http.Server {
	server.ReadHeaderTimeout, server.ReadTimeout = headerTimeout, readTimeout
	server.WriteTimeout, server.IdleTimeout = writeTimeout, idleTimeout
	server.MaxHeaderBytes = maxHeaderBytes
	return server
}

// scrapes answers with the metrics.
func scrapes(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, MaxRequestsInFlight: maxScrapes})
}

// guarded tells browsers to do nothing with our answers but show them: the page
// has styles of its own, and neither scripts, nor forms, nor a place in frames.
func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := w.Header()
		to.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		to.Set("X-Content-Type-Options", "nosniff")
		to.Set("X-Frame-Options", "DENY")
		to.Set("Referrer-Policy", "no-referrer")
		to.Set("Cross-Origin-Resource-Policy", "same-origin")
		to.Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}
