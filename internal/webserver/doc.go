// Package webserver says what one client may take of the HTTP servers of
// gputally-collector and gputally-reporter, and what browsers may do with their
// answers. Whoever never sends, or never reads, is closed, so that a client that
// hangs costs a connection for two minutes at most, and no memory for longer.
package webserver
