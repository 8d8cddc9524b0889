package serve

import "context"

// Round runs the tasks that are due, one after another.
func (s *Server) Round(ctx context.Context) { s.tasks.Load().runner.RunDue(ctx) }
