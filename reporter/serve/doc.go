// Package serve is the service: a set of tasks that do what is due, and an HTTP
// server that answers with metrics, probes and a status page.
//
// The tasks are, see tasks.go:
//
//   - close, for each cluster: closes the hours that have settled, reads hours with
//     gaps again, and repairs hours whose objects turned out to be damaged;
//   - upkeep, for each cluster: compacts and prunes the ledger, once a day;
//   - schedule, for each schedule: makes the reports that are due;
//   - figures: brings the figures per project up to date;
//   - prune: deletes published reports that are too old, once a day;
//   - changes: looks every five minutes whether another process changed an index.
//
// No task waits for another's failure: reporter/task begins each at its own time
// and tries what failed again after a pause of its own. Inside a schedule every
// period stands alone in the same way. Inside a cluster an hour that fails by
// itself three times is set aside, and later hours go on; it is tried again after
// pauses. A failure of a server counts against no hour.
//
// A report waits for a cluster that is behind at most the report deadline. Then
// it is made of what there is: Failed below the minimum coverage, else Ready, with
// the hours named that are missing. It is made again when its hours come in.
//
// Tasks wake each other: a closed hour wakes the schedules and the figures. What
// the service remembers only saves work: another process comes to the same hours
// and reports. A look at tasks without due work asks the bucket nothing.
package serve
