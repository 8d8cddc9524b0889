package serve

import "context"

// Round looks for work once.
func (s *Server) Round(ctx context.Context) { s.loop.round(ctx) }
