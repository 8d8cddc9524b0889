package promserver

// PID returns the id of the server's process.
func PID(s *Server) int { return s.child.cmd.Process.Pid }
