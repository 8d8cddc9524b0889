// Package ledger keeps closed hours in the bucket: what the GPUs of a cluster did
// in one hour of UTC, who held them, and the edges that the hour shares with its
// neighbours. The Parquet files themselves are the work of package sealed.
//
// # Layout
//
//	ledger/hourly/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/usage.parquet                the hour as it stands
//	ledger/daily/cluster=<c>/date=<YYYY-MM-DD>/usage.parquet                           the day, made of closed hours
//	ledger/history/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/revision=<n>/usage.parquet  a revision that was replaced
//	ledger/edges/cluster=<c>/date=<YYYY-MM-DD>/hour=<HH>/<16 hex digits>.parquet       edges where the hour begins
//
// hourly and daily are two tables with the same rows. Each has the current
// revision of an hour once, so a plain glob over one of them counts each
// GPU-second once. Dates and hours are UTC. A cluster's name stands in the key as
// it is, so the partition and the column say the same; CheckCluster says which
// names may.
//
// # Closing an hour: the commit protocol
//
// A Draft takes an hour's parts as they come and encodes them. It holds the
// encoded bytes, one row group and the names of the GPUs. Commit then makes these
// steps, in this order:
//
//  1. It writes the hour's two objects of edges, unless they are there.
//  2. If the hour is closed already and has the same content, it stops: nothing is
//     written. Rows are compared by their digest and the rest by the footer,
//     never by bytes, so a new version of the program alone restates no hour.
//  3. If the hour is closed with other content, it copies the old object into the
//     history, on the condition that no copy is there (If-None-Match: *).
//  4. It puts usage.parquet. A first closing requires that no object is there
//     (If-None-Match: *); a restatement requires that the object is still the one
//     that it compared with (If-Match). This PUT is the commit point: before it the hour is as it was, after it the hour
//     is the new one.
//  5. It checks whether the two objects of edges are still there, and writes them
//     again if not: see "Unused edges" below.
//
// A crash after any step leaves whole objects. After a crash, steps 1 and 3 may have
// left objects that no hour names; the next attempt uses them, or Prune removes the
// edges. Closing an hour twice, after a crash, after a lost answer or by a second
// replica, is harmless. If the condition of step 4 fails, another writer was faster.
// Commit then returns that writer's entry if both closed the hour for the first time,
// or if that entry has the same content. Otherwise it returns a *ConflictError.
//
// An object is damaged if it fails its seal, the SHA-256 of the whole object. It is
// replaced in the same way. What is left of it is kept in the history as
// usage.parquet.damaged, which globs for *.parquet do not match. An object that fails
// may only have been corrupted in transfer, so it is read twice before it counts as
// damaged.
//
// A revision's number is one more than that of the revision it replaces. No number
// is used twice while the history exists, even if somebody deletes the hour: a
// first closing looks into the history.
//
// # Edges
//
// An edge is what the counters of one epoch had counted at the instant between two
// hours (usage.Edge). An hour stores the edges with which it began (its opening
// edges) and those with which it ended (its closing edges). The hour that is
// closed first takes them from its samples; its neighbour takes them over as they
// are stored (Neighbours). So hours add up to the last unit, in whatever order they
// are closed and whatever samples come late.
//
// An object of edges is named after the digest of its rows, and the hour's footer
// has the digest. If the next hour has samples of every epoch that the previous hour
// stored, both name one object, which is stored once. An epoch that ended in the
// previous hour has no samples in the next hour, which leaves it out: then the next
// hour's opening edges are an object of their own, with a part of the previous hour's
// closing edges. If the previous hour is restated, it must keep the edges that
// the next hour opened with, and may change the rest.
//
// Disagree lists the neighbours of an hour that store another value than the hour for
// the same edge. After an hour was restated, closing restates these,
// too.
//
// An hour takes two more things from the previous hour: the GPUs with which the
// previous hour ended (its roster), and its closing edges, read as a stream, not held in
// memory. If the hour sees nothing of such a GPU, it carries the GPU's edges on: it
// copies them to its own closing edges (usage.Neighbours). If
// the opening edges of an hour are taken from samples again, because it is being
// restated, the previous hour's closing edges still count for series without a sample
// near the edge (Carried).
//
// An hour may have no edges at one of its ends for two reasons:
//
//   - It has rows and no edges at either end: it was written by Put, which stores no
//     edges. Its neighbours then take their edges from the samples.
//   - It has edges at its other end, or no rows at all: it saw nothing that would have
//     an edge there, so its neighbour counts what began in it from zero.
//
// Edges that are missing or damaged give an *EdgesError. Restating the hours on both
// sides writes them again, under the same name.
//
// # Unused edges
//
// A crash or a restatement may leave an object of edges that no hour names. Prune
// removes it after a day. Meanwhile an hour may be committed that names it. Therefore:
//
//  1. Commit writes the hour first, and then looks for the edges.
//  2. Prune removes the edges first, and then looks at the hours.
//
// At least one of the two sees what the other did, and puts the edges back.
//
// # Daily table and retention
//
// Compact copies the closed hours of a day, one after the other, into the day's
// object. No row group has rows of two hours, so an hour is a run of row groups.
// The day's footer lists each hour with the footer of the hour's own object, its
// SHA-256 and size, so an hour is read from the day as it was closed. A reader
// falls back on the day when an hour has no object of its own any more. If there is
// an object of its own, that is the hour: after it was restated, the day is out of
// date until it is compacted again.
//
// Prune removes days, hours' own objects, replaced revisions and edges, each by its
// own age. It removes an hour's own object only if the day's table has the hour at
// that revision.
//
// # Requests
//
// Requests cost money and time, so tests limit their number (closing/budget_test.go,
// reporting/budget_test.go). Three things keep it low.
//
// A Session is one run of closing or restating. It looks at each object once, and
// again only where another process may have changed it in a way that matters: after the
// session has changed an edge of an hour, it looks at the neighbour on that side again.
// Two processes that restate two neighbouring hours at once both look after they
// wrote, so at least one of them sees the other's edge.
//
// A Ledger caches, by key and ETag, up to 32 MB of footers, rosters and edges, and no
// rows. A Session asks for an object's ETag and reads the object only if the ETag has
// changed. A cached footer is safe to use without its rows, because this process has
// read the whole object and verified its seal, or has written it, and the store says
// that it is still that object. Nothing reads a part of an object,
// because the seal covers all of it.
//
// A Reader reads hours for a report. It is given what the index (the list of closed
// hours, package index) knows, so it asks
// for no hour that is not closed, and reads a day's object once for all of its
// hours whose SHA-256 the index confirms. Only hours that were restated after the
// day was made are read from their own objects. It holds the last two days of each
// cluster while the report is made.
//
// # Versions
//
// Columns and footer values are only ever added. This version passes over those
// that it does not know, and keeps them: an hour that says the same is not
// rewritten, the history has copies byte for byte, and a day's footer takes an
// hour's footer whole. A row with an unknown column can be read but not copied
// without loss, so Compact refuses the day with a *SchemaError and leaves the hours
// where they are. The digest of rows is of the columns below.
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
//	gputally.opening_edges      gputally.rows_sha256 of the edges stored at its begin; none, no key
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
// Package sealed explains the seal and the digest.
//
// The same hour at the same revision, written by the same version, is the same
// bytes; so is the same day.
package ledger
