// Package ledger keeps closed hours as Parquet objects in the bucket, one
// object for each hour of a cluster. It is the only package that knows Parquet.
//
// # Layout
//
//	ledger/hourly/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/usage.parquet                the hour as it stands
//	ledger/history/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/revision=<n>/usage.parquet  what it replaced
//
// Whoever reads ledger/hourly with a plain glob sees each GPU-second once,
// because an hour is one object and only its current revision is there. Dates
// and hours are UTC. A cluster's name stands in the key as it is, so that the
// partition and the column say the same; CheckCluster says which names may.
//
// # Closing and restating
//
// The PUT that creates or replaces usage.parquet is the commit. A first closing
// is made on the condition that no object is there; a restatement copies the
// object that it read into the history and then replaces it on the condition
// that it is still the one that it read. A crash in between leaves a copy of
// the current revision in the history, which the next attempt finds and keeps.
// Restating what is already there writes nothing, so closing an hour again
// after a crash, a lost answer or by a second replica is free of harm.
//
// A damaged object is replaced the same way, and what is left of it is kept in
// the history as usage.parquet.damaged, which globs for *.parquet pass over.
//
// A revision's number is never used twice while the history is there, also when
// somebody deleted the hour.
//
// # Columns
//
// A row is a usage.Segment. No value is null; an empty string means that there
// is no such name. Rows are sorted with usage.Compare.
//
//	cluster              string     cluster whose hour it is
//	node                 string     node that the GPU is in
//	node_pool            string     node pool, empty if no rule names one
//	uuid                 string     physical GPU
//	model                string     model of the GPU
//	state                string     allocated, unallocated, unattributed, unavailable, uncovered or absent
//	namespace            string     holder, empty unless state is allocated
//	pod                  string     holder's pod
//	pod_uid              string     holder's pod UID
//	container            string     holder's container
//	held_from            timestamp  first instant, UTC to the millisecond
//	held_to              timestamp  first instant after
//	share                double     share of the physical GPU held, 0 to 1
//	gpu_ms               int64      GPU-milliseconds, estimated ones included
//	active_ms            int64      GPU-milliseconds of own activity
//	idle_ms              int64      GPU-milliseconds held without activity
//	observed_ms          int64      GPU-milliseconds for which activity is known
//	estimated_ms         int64      GPU-milliseconds that bridge a gap
//	memory_byte_seconds  int64      integral of memory in use
//	energy_mj            int64      millijoules
//
// # Footer
//
// The key-value metadata of each object says what the rows can't.
//
//	gputally.schema             version of columns and footer, 1; columns are only ever added
//	gputally.cluster            cluster
//	gputally.from               first instant of the hour, RFC 3339
//	gputally.to                 first instant after the hour
//	gputally.revision           1, or one more than the revision it replaced
//	gputally.source             source profile
//	gputally.road               how the samples were read
//	gputally.exceptions         what is odd about the samples, a JSON array of usage.Exception
//	gputally.sha256             the seal
//	gputally.writer             program and version that wrote the object
//	gputally.expected_ms        GPU-milliseconds expected of the hour
//	gputally.allocated_ms       the parts of them that are accounted for
//	gputally.unallocated_ms
//	gputally.unattributed_ms
//	gputally.unavailable_ms
//	gputally.uncovered_ms       the part for which there are no samples
//	gputally.estimated_ms       part of allocated_ms that bridges gaps
//	gputally.residue_ms         expected less the parts, signed
//	gputally.absent_ms          time for which GPUs were not there, no part of expected_ms
//
// The seal is the SHA-256 of the object with 64 zeros in its place. Parquet has
// checksums for pages and none for the footer, where one changed digit would be
// another bill; the seal covers every byte and is checked before any is used.
//
// The same hour at the same revision, written by the same version, is the same
// bytes.
package ledger
