// Package fold turns what was scraped of GPUs into segments and edges. It is pure:
// it knows no server, no label, no name of a metric and no clock. A source gives it
// one GPU after the other (Hour.Piece), and the same GPUs give the same hour. It
// extrapolates nothing: every number is a difference of cumulative values, or is
// marked as estimated.
//
// A GPU goes through these steps:
//
//	Scrape    what Prometheus saw of one holding at one time
//	epoch     the scrapes of one count from zero
//	curve     what an epoch had counted at each time
//	track     all epochs of one holding, in order
//	edge      what an epoch had counted at the begin and at the end of the window
//	interval  a part of a track with one share, inside the window
//	segment   a row of the ledger
//
// # Scrapes
//
// A collector polls its node each second and counts, for each container on each
// GPU, the seconds held and five more quantities from zero. A Scrape has the
// seconds held, the share, when counting began, and when the holding ended.
//
// Scrape.At is when Prometheus scraped. Scrape.Time is the instant that the scrape
// shows, and is earlier for two reasons: the scrape shows the latest poll, and a
// poll finds a change half a poll interval after it happened, on average (the lag).
// The source subtracts both. Within an hour such delays would cancel out; at an edge
// they would not.
//
// # Epochs
//
// All scrapes of a holding with the same start are one epoch, whichever target they
// came from: two replicas, or a job under another name, show the same process twice
// and are merged, never added. A collector that restarts counts from zero with
// another start, and so begins another epoch.
//
// If the start is missing, or if the value falls for good though the start did not
// change (which is a finding), a falling value begins an epoch without a start. What
// such an epoch shows in its first scrape was counted before, or not at all: only its
// growth from there counts.
//
// Scrapes with impossible values are left out and become a finding. Most scrapes
// change nothing: if the share and the growth are steady, the curve is the same
// without them. The thinner keeps those next to the edges and those at which
// something happens.
//
// # Curves
//
// The curve of an epoch goes from zero at its start through its scrapes. Between
// two scrapes a straight line would often be wrong, and the share says more, because
// the seconds held grow by share × time:
//
//   - If the two scrapes have different shares, the growth says when the share
//     changed.
//   - If the holding is over at the second scrape, its end is known.
//   - If a holding began and ended between two scrapes, its growth over its life is
//     its share.
//
// The other five quantities grow in proportion.
//
// # Tracks
//
// The track of a holding is all its epochs in order. If two epochs overlap, because
// two collectors ran on one node, the time of the overlap counts only in the first.
//
// Between two epochs nobody counted. If the same container held the GPU in the last
// scrape before the gap and in the first scrape after it, and these are no more than
// MaxBridge apart, a bridge charges the gap at the smaller of the two shares. This
// time is estimated.
//
// A device has a track, too: its collector holds it with share 1, and its total is
// the sum of its four states. It is never bridged.
//
// # Edges
//
// The hour counts, for each epoch, its total at the end of the window less its total
// at the begin. These totals are its edges. They are computed only from the start of
// the epoch and from scrapes that both neighbouring hours can see, which are those
// from Lookback before the edge to Lookahead after it, and they are rounded before
// the difference is taken. So both hours find the same number, in whatever order
// they are closed, as long as they see the same samples.
//
// They may not see the same samples, because some come late. Therefore an hour
// stores its edges, and a stored edge takes precedence over the samples. Then:
//
//   - An epoch that began after the begin of the previous hour, and for which that
//     hour has no edge, has not been counted yet: its opening edge is zero. What it
//     held before the window is counted now, as late time.
//   - An epoch that began earlier, and for which the previous hour has no edge, may
//     have been counted in earlier hours: its opening edge comes from the samples.
//   - If the stored edge is higher than the samples now show, it stays, and the epoch
//     counts nothing until its counter has passed it.
//
// Hours add up to the last unit in each of these cases.
//
// If epochs overlap, the edge of the second one still has all that it counted itself.
// The overlap is left out only when the hour is added up, because how much of it an
// hour sees depends on the hour.
//
// Collectors A and B may overlap while A has no scrape from 09:50 to 10:06. The hour of
// 09 sees nothing of A after 09:50 and counts B from there to 10:00. The hour of 10
// sees A again, whose counter grew all the time: what the previous hour counted of B
// is left out of what A counts. That takes a scrape of A that both hours see. Without
// one, the time stands twice, and the parts of the GPU disagree.
//
// # Bridge debt
//
// A bridge may have charged a gap in which one more epoch counted, as late samples
// show. An example, with hours of 09 and 10 o'clock: process A ends at 09:56 and
// process C begins at 09:58. The hour of 09 charges the two minutes as a bridge. Then
// samples of a process B arrive that counted from 09:56 to 09:58. The hour of 10 has
// no edge for B, so B would count from zero, as late time, and the two minutes would
// be charged twice. What the bridge charged is a debt that B pays back: that much is
// left out of what B counts.
//
// This works only if the hour of 10 sees A, too. With a Lookback of ten minutes it
// sees scrapes from 09:50 on, and a gap may last for a MaxBridge of five minutes. So
// if the gap lies before 09:55, A may be out of sight: then the time is charged
// twice, and B's late time is a finding. Restating both hours removes it.
//
// # GPUs without scrapes
//
// A GPU of the previous hour that no scrape shows is uncovered for as long as its
// node is there (PresentUntil). Its edges are carried on unchanged to the next hour,
// together with an edge of the start -1 that says so. The first hour that sees the
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
//  5. What is left of the gaps in the device's track is uncovered.
//  6. The time before the device was first counted is absent, unless the GPU was
//     there at the end of the previous hour. The time after the last scrape is absent only if somebody saw the GPU go:
//     the server marked its series as ended, and its node is not there any more. A
//     server or a collector that was down must not make the fleet look smaller.
//
// # Proof
//
// The states of a GPU must sum to the time for which it was there, and what
// containers held to what the device says was allocated, both within usage.Agree. If
// they don't, the hour has a finding. A finding never makes the hour fail, and the
// hour never loses time without one.
package fold
