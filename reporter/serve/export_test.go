package serve

import (
	"context"
	"net/http"
)

// Round runs the tasks that are due, one after another.
func (s *Server) Round(ctx context.Context) { s.tasks.Load().runner.RunDue(ctx) }

// Register adds what the server shows to its registry, as Run does.
func (s *Server) Register() {
	if err := s.register(); err != nil {
		panic(err) // a mistake of a test
	}
}

// Handler answers as a server that has begun to listen.
func (s *Server) Handler() http.Handler {
	server := s.httpServer()
	server.BaseContext(nil)
	return server.Handler
}
