package serve

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gputally/gputally/reporter/task"
)

// Round runs the tasks that are due, one after another.
func (s *Server) Round(ctx context.Context) { s.tasks.Load().runner.RunDue(ctx) }

// Register adds what the server shows to its registry, as Run does.
func (s *Server) Register() {
	if err := s.register(); err != nil {
		panic(err) // a mistake of a test
	}
}

// HTTPServer is what Run listens with.
func (s *Server) HTTPServer() *http.Server { return s.httpServer() }

// Plain answers with page and metrics as simply as can be: without limits, and each
// request by itself.
func (s *Server) Plain() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /{$}", s.status)
	return mux
}

// Handler answers as a server that has begun to listen.
func (s *Server) Handler() http.Handler {
	server := s.httpServer()
	server.BaseContext(nil)
	return server.Handler
}

// Work runs the tasks until ctx ends, as Run does.
func (s *Server) Work(ctx context.Context) { s.work(ctx) }

// Tasks are the states of all tasks.
func (s *Server) Tasks() []task.State { return s.tasks.Load().runner.States() }
