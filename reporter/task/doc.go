// Package task runs work that comes again and again, such as closing the hours of
// a cluster, so that one fault stops one task and no other.
//
// A Task says what to do and returns when to begin next. The Runner begins each
// task when its time has come, on a goroutine of its own.
//
// A task works in units: an hour to close, a period to report. At most Limit units
// are worked on at one time, and a task takes its turn for each, so that one with
// much to catch up does not keep the others waiting. Nor does a server that hangs:
// a unit that takes longer than lendAfter no longer counts against the limit. Each
// unit has the task's deadline; the task as a whole has none. A unit that outlives
// its deadline is cancelled and fails. One that does not end even then hangs, and
// Health says so.
//
// A task that fails begins again after a pause that doubles from the tick to half
// an hour, with jitter so that replicas don't fall into step, and never before the
// time that a server asked for. Wake does not shorten that pause. Times come from
// the clock of the configuration; when it is set back, tasks begin at once rather
// than wait for a time that is far away now.
package task
