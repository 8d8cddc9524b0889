package webserver

import (
	"net/http"
	"time"
)

const (
	headerTimeout  = 10 * time.Second // for the headers of a request
	readTimeout    = 30 * time.Second // for a request
	writeTimeout   = time.Minute      // for a request and its answer
	idleTimeout    = 2 * time.Minute  // between two requests of a connection
	maxHeaderBytes = 64 << 10
)

// Limit gives a server its limits, and returns it.
func Limit(server *http.Server) *http.Server {
	server.ReadHeaderTimeout, server.ReadTimeout = headerTimeout, readTimeout
	server.WriteTimeout, server.IdleTimeout = writeTimeout, idleTimeout
	server.MaxHeaderBytes = maxHeaderBytes
	return server
}

// guarding are the headers of Guard.
var guarding = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

// Guard tells browsers to do nothing with the answers of a handler but show them:
// our pages have styles of their own, and neither scripts, nor forms, nor a place
// in frames. A header that is set already is left as it is: the web file may say
// something else.
func Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range guarding {
			if w.Header().Get(name) == "" {
				w.Header().Set(name, value)
			}
		}
		h.ServeHTTP(w, r)
	})
}
