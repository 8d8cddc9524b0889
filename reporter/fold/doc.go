// Package fold turns the scrapes of GPUs into segments (rows of the ledger) and edges
// (the values of counters where two hours meet). It is pure: it knows no server, no
// label, no name of a metric and no clock. A source gives it one GPU after the other
// (Hour.Piece), and the same GPUs give the same hour. Every number is a difference of
// cumulative values; the only exception, time that a bridge charges, is marked as
// estimated.
//
// A holding is one container's share of one GPU for as long as it has it. The data of
// a GPU passes through these forms:
//
//	Scrape    what Prometheus saw of one holding at one time
//	epoch     the scrapes of one life of a counter, between two resets
//	curve     what an epoch had counted at each time
//	track     all epochs of one holding, in order
//	edge      what an epoch had counted where the window begins, or where it ends
//	interval  a part of a track with one share, inside the window
//	segment   a row of the ledger
//
// # Scrapes
//
// A collector polls its node each second and counts, for each container on each
// GPU, from zero: the GPU-seconds held (share × time) and five more quantities
// (active, idle and observed seconds, byte-seconds, joules). A Scrape has these, the
// share (the part of the physical GPU, 0 to 1), when counting began, and when the
// holding ended.
//
// Scrape.At is when Prometheus scraped. Scrape.Time is the instant that the scrape
// shows, and is earlier for two reasons: the scrape shows the latest poll, and a
// poll finds a change half a poll interval after it happened, on average (the lag).
// The source subtracts both. Within an hour such delays would cancel out; where two
// hours meet they would move usage into the wrong hour.
//
// # Epochs
//
// All scrapes of a holding with the same start are one epoch, whichever target they
// came from: two Prometheus replicas, or a second scrape job, show the same collector
// process twice and are merged, never added. A collector that restarts counts from zero with
// another start, and so begins another epoch.
//
// Two things begin an epoch without a start: a value that falls where the start is
// missing, and a value that falls and stays lower though the start did not change
// (reported as a finding, a warning that is stored with the hour). The first value of
// such an epoch is a baseline: it may have been counted already, so only what the
// counter grows after it counts.
//
// Scrapes with impossible values are left out and become a finding. Scrapes that change
// nothing are dropped, too: if the share and the growth are steady, the curve is the
// same without them. Kept are those next to the edges and those where the share or the
// growth changes (thinning).
//
// # Curves
//
// The curve of an epoch goes from zero at its start through its scrapes. Between
// two scrapes a straight line would often be wrong, and the share allows a better
// answer, because the seconds held grow by share × time:
//
//   - If the two scrapes have different shares, the share changed at the one instant
//     that explains the growth.
//   - If the holding is over at the second scrape, the curve is flat from its end on.
//   - If a holding began and ended between two scrapes, its growth over its life is
//     its share. (Its series is still exported for some minutes after its end.)
//
// The other five quantities grow in proportion to the seconds held.
//
// # Tracks
//
// The track of a holding is all its epochs in order. If two epochs overlap, for example
// because an old and a new collector ran side by side for a moment, the time of the
// overlap counts only in the epoch that began first.
//
// Between two epochs no collector counted. If the same container held the GPU in the
// last scrape before the gap and in the first scrape after it, and these two scrapes are
// no more than MaxBridge apart, a bridge charges the gap at the smaller of the two
// shares. This time is estimated.
//
// The device itself has a track, too, like a holding with share 1. Its total is the sum
// of its states allocated, unallocated, unattributed and unavailable. It is never
// bridged.
//
// # Edges
//
// The hour counts, for each epoch, its total where the window ends less its total where
// the window begins. These totals are its edges. They are computed only from the start of
// the epoch and from scrapes that both neighbouring hours can see, which are those
// from Lookback before the edge to Lookahead after it, and they are rounded before
// the difference is taken, so that differences add up exactly. So both hours find the same number, in whatever order
// they are closed, as long as they see the same samples.
//
// They may not see the same samples, because some come late. Therefore an hour
// stores its edges, and a stored edge takes precedence over the samples. There
// are three cases in which the two differ:
//
//   - An epoch began during the previous hour, but that hour stored no edge for it,
//     because its samples came late. It has not been counted yet: its opening edge is
//     zero, and what it held before the window is counted now, as late time.
//   - An epoch that began earlier, and for which the previous hour has no edge, may
//     have been counted in earlier hours: its opening edge comes from the samples.
//   - If the stored edge is higher than the samples now show, it stays, and the epoch
//     counts nothing until its counter exceeds the stored value.
//
// In each of these cases the hours add up exactly.
//
// If epochs overlap, the edge of the second one includes the overlap. The overlap is
// left out only of the hour's rows, because two hours may see different amounts of it.
//
// Collectors A and B may overlap while A has no scrape from 09:50 to 10:06. The hour from
// 09:00 sees nothing of A after 09:50 and counts B from there to 10:00. The next hour
// sees A again, whose counter grew all the time: what the previous hour counted of B
// is left out of what A counts. That takes a scrape of A that both hours see. Without
// one, the time stands twice, and the parts of the GPU disagree.
//
// # Bridge debt
//
// Late samples may show that another epoch counted during a gap that a bridge has
// already charged. An example, with the hours from 09:00 and from 10:00: collector A
// ends at 09:56 and collector C begins at 09:58. The hour from 09:00 charges the two
// minutes as a bridge. Then samples of a collector B arrive that counted from 09:56 to
// 09:58. The hour from 10:00 has no edge for B, so B would count from zero, as late
// time, and the two minutes would be charged twice. Therefore what the bridge charged
// is deducted from what B counts.
//
// This works only if the hour from 10:00 sees A, too. With a Lookback of ten minutes it
// sees scrapes from 09:50 on, and MaxBridge lets a gap last for five minutes. So if the
// gap ends before 09:55, A may be out of sight: then the time is charged twice, and B's
// late time is a finding. Restating both hours removes it.
//
// # Where scrapes begin
//
// The first scrape of a device may come in the middle of the hour though its process is
// older than what is read before the hour: the server is new, or scraped this job late.
// What the process counted by state in its whole life says nothing about the hour. So if
// no earlier hour has stored an edge, the device counts from that scrape on, and no
// opening edge is stored. Before the scrape, a row is what containers held as their starts
// and shares say, and the rest is uncovered. With a stored edge, all that was counted
// since then counts. At the window's begin it is split by what containers held, so
// that late time is the sum of its states.
//
// The first scrape of a container may come later than that of its device. If what it held
// before then makes the parts of the device more than the whole, the states that nobody
// held give way.
//
// # GPUs without scrapes
//
// A GPU of the previous hour that no scrape shows is uncovered for as long as its
// node is there (PresentUntil). Its edges are carried on unchanged to the next hour,
// together with a marker, an edge whose start is -1. The first hour that sees the
// GPU again counts from there, so the time without scrapes is counted then.
//
// # The rows of one GPU
//
//  1. The track of the device is put together. Its edges mostly lie between two of
//     its scrapes, where the device shows only sums; what containers held between
//     these two scrapes says how its states changed. So the scrapes of containers at
//     these times must be kept when the containers' scrapes are thinned.
//  2. The track of each container is cut into rows: runs of the same share, in state
//     allocated.
//  3. The track of the device is cut into the states that no container has:
//     unallocated, unattributed, unavailable.
//  4. What the device counted as allocated beyond what its containers show, more
//     than rounding and lag explain, is unattributed: a container that came and went
//     while no scrape succeeded leaves no series.
//  5. Time in gaps of the device's track that is in no row by now is uncovered.
//  6. The time before the device was first counted is absent, or uncovered if the GPU
//     was there at the end of the previous hour. The time after the last scrape is
//     absent only if Prometheus marked the GPU's series as ended and its node is not
//     there any more; otherwise it is uncovered. A server or a collector that was down
//     must not make the fleet look smaller.
//
// # Checks
//
// The states of a GPU must sum to the time for which it was there, and what
// containers held to what the device says was allocated, both within usage.Agree. If
// they don't, the hour has a finding. A finding never makes the hour fail, and the
// hour never loses time without one.
//
// Where a device was allocated to nobody although scrapes succeeded, the containers'
// series were not all read: see Hour.Missing. Such an hour must not be kept.
package fold
