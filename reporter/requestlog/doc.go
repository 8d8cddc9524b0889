// Package requestlog says in the log what is asked of servers over HTTP: each
// request when the log is at level debug, and at any level a request that waits
// long for its answer, so that whoever looks at a quiet program sees what it waits
// for. A line has no query, no header and no body, and no secret that is known.
package requestlog
