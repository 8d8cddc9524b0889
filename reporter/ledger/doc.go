// Package ledger keeps closed hours as Parquet objects in the bucket, one
// object for each hour of a cluster. It is the only package that knows Parquet.
//
// # Layout
//
//	ledger/hourly/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/usage.parquet                the hour as it stands
//	ledger/daily/cluster=<c>/date=<YYYY-MM-DD>/usage.parquet                           the day, made of closed hours
//	ledger/history/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/revision=<n>/usage.parquet  what an hour replaced
//	ledger/edges/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/<16 hex digits>.parquet       edges where the hour begins
//
// Whoever reads ledger/hourly or ledger/daily with a plain glob sees each
// GPU-second of it once, because an hour is one object of the one table and one
// run of rows of the other, and only its current revision is there. Dates and
// hours are UTC. A cluster's name stands in the key as it is, so that the
// partition and the column say the same; CheckCluster says which names may.
//
// # Closing and restating
//
// A Draft takes an hour's parts as they come and encodes them; memory is the
// encoded bytes and one row group. Commit adds the footer.
//
// The PUT that creates or replaces usage.parquet is the commit. A first closing
// is made on the condition that no object is there; a restatement copies the
// object that it read into the history and then replaces it on the condition
// that it is still the one that it read. A crash in between leaves a copy of
// the current revision in the history, which the next attempt finds and keeps.
// Restating what is already there writes nothing, so closing an hour again
// after a crash, a lost answer or by a second replica is free of harm. What is
// there is compared by the digest of its rows and by its footer, never by its
// bytes, so another version of the program does not restate an hour.
//
// A damaged object is replaced the same way, and what is left of it is kept in
// the history as usage.parquet.damaged, which globs for *.parquet pass over.
//
// A revision's number is never used twice while the history is there, also when
// somebody deleted the hour.
//
// # Edges
//
// An hour books what every epoch of a holding or device had counted in all at
// its begin and at its end (usage.Edge). The hour beside it takes these as they
// are (Neighbours), so hours add up to the last unit, in whatever order they
// are closed and whatever samples come late.
//
// The edges of one instant are one object, named after the digest of its rows,
// and an hour's footer names the two that it booked. So two hours that agree
// about the edge between them name the same object, and an hour stores edges of
// its own at its begin only where the hour before is not closed or booked
// others. Edges are written before the hour that names them. After an hour is
// restated, Disagree tells which neighbours still count from another edge; until
// they are restated too, both footers show it. An object of edges that no hour
// names, left by a crash or a restatement, harms nobody and goes with Prune. An
// hour may come to name it while Prune removes it: so Commit looks for it after the
// hour is there, and Prune looks for hours after it is gone, and one of the two
// puts it back.
//
// An hour leaves to the next one also the GPUs with which it ended, read from its
// rows by column, and its closing edges as a stream: those that the next one does
// not see are carried on (usage.Neighbours). Where edges are taken from samples
// anew, what is booked stands all the same for what no sample near the edge tells
// of (Carried).
//
// An hour with rows that was closed without edges (by Put) has none to hand on.
// One that has booked edges at its other end only, or that has no rows, is known
// to have booked none: what began in it was not counted yet.
//
// Edges that are gone or damaged give an *EdgesError; closing the hours beside
// them again writes them anew under the same name.
//
// # Daily table and retention
//
// Compact copies the closed hours of a day, one after the other, into the day's
// object. No row group has rows of two hours, so an hour is a run of row groups,
// and the day's footer lists each hour with the footer of its own object: from
// the daily table an hour is read as it was closed, with the revision and
// SHA-256 that reports and the index know. Every read falls back on it when the
// hour has no object of its own any more. The hour's own object, if there is
// one, is what counts: a day is behind until it is compacted again.
//
// Prune removes by age: an hour's own object only if the day's table has it at
// that revision, a day, what was replaced, edges.
//
// # Columns
//
// A row of the hourly and the daily table is a usage.Segment. No value is null;
// an empty string means that there is no such name. Rows of an hour are sorted
// with usage.Compare.
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
// A row of edges is a usage.Edge: uuid, pod, container, start (the epoch's), and
// its six totals as total_1 to total_6, sorted with usage.CompareEdges.
//
// # Footer
//
// The key-value metadata of each object says what the rows can't.
//
//	gputally.schema             version of columns and footer, 1; columns are only ever added
//	gputally.cluster            cluster
//	gputally.from               first instant of the hour or day, RFC 3339; the instant of edges
//	gputally.to                 first instant after; the instant of edges
//	gputally.sha256             the seal
//	gputally.writer             program and version that wrote the object
//	gputally.rows_sha256        digest of the rows, of hours and edges
//
// An hour's has also
//
//	gputally.revision           1, or one more than the revision it replaced
//	gputally.source             source profile
//	gputally.road               how the samples were read
//	gputally.exceptions         what is odd about the samples, a JSON array of usage.Finding
//	gputally.opening_edges      gputally.rows_sha256 of the edges booked at its begin; none, no key
//	gputally.closing_edges      and at its end
//	gputally.expected_ms        GPU-milliseconds expected of the hour
//	gputally.allocated_ms       the parts of them that are accounted for
//	gputally.unallocated_ms
//	gputally.unattributed_ms
//	gputally.unavailable_ms
//	gputally.uncovered_ms       the part for which there are no samples
//	gputally.estimated_ms       part of allocated_ms that bridges gaps
//	gputally.residue_ms         expected less the parts, signed
//	gputally.absent_ms          time for which GPUs were not there, no part of expected_ms
//	gputally.late_ms            part of what was metered that was held before the hour and is counted in it
//
// and a day's
//
//	gputally.hours              its hours: a JSON array of footer, rows, and sha256 and size of the hour's own object
//	gputally.missing            the hours that it does not have, a JSON array
//
// The seal is the SHA-256 of the object with 64 zeros in its place. Parquet has
// checksums for pages and none for the footer, where one changed digit would be
// another bill; the seal covers every byte and is checked before any is used.
// The Parquet library trusts the lengths that it reads, so what slips through a
// seal that somebody forged may make it panic; that is a *CorruptError too.
//
// The digest of rows has them with each name after its length (a varint) and
// each number as 8 bytes, big-endian, in the order of the columns.
//
// The same hour at the same revision, written by the same version, is the same
// bytes; so is the same day.
package ledger
