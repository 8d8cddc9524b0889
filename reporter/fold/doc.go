// Package fold turns what was scraped of GPUs into segments and edges. It is pure:
// it knows no server, no label, no name of a metric and no clock. A source gives it
// one GPU after the other, and the same GPUs give the same hour. It extrapolates
// nothing: every number is a difference of cumulative values.
//
// # Scrapes
//
// A collector polls its node each second and counts, for each container on each
// GPU, the seconds held and five more quantities from zero. A Scrape is what
// Prometheus saw of one holding at one time: the seconds held, the share, when
// counting began, when the holding ended. It shows the instant of the last poll,
// and a poll finds what changed half an interval late on average; the source has
// taken both off Scrape.Time. Within an hour such delays cancel out, at an edge
// they would not.
//
// # Epochs
//
// All scrapes of a holding with the same start are one epoch, whoever scraped them:
// two replicas, or a job under another name, show the same process twice and are
// merged, never added. A collector that starts again counts from zero with another
// start, which begins an epoch: no reset is ever guessed. Only where the start is
// missing does a falling value begin an epoch, and then nothing is counted before
// its first scrape. Scrapes with impossible values are left out and named.
//
// Most scrapes change nothing: between neighbours with the same share and steady
// growth, the growth is the same with them and without. The thinner keeps those at
// the edges and those at which something happens.
//
// # Curves
//
// The curve of an epoch goes from zero at its start through its scrapes. Between
// two scrapes the share says more than a straight line would, because the seconds
// grow by share × time. When the share differs at both, the growth says when it
// changed. When the holding is over at the second, its end says when; and for one
// that began and ended between two scrapes, the growth over its life is its share.
// The other quantities grow in proportion.
//
// # Tracks
//
// The track of a holding is all its epochs in order. Epochs that overlap (two
// collectors on one node) are laid end to end, so that no second counts twice.
// Between two epochs nobody counted: if the same container held the GPU in the last
// scrape before and in the first after, no more than MaxBridge apart, a bridge
// charges the gap at the smaller share, and its time is estimated. A device has a
// track, too: its collector holds it with share 1, and its total is the sum of its
// four states.
//
// # Edges
//
// A track is cut at the begin and the end of the window. The total of an epoch at
// an edge comes only from its start and from the scrapes that both neighbouring
// hours can see, Lookback before the edge and Lookahead after it, and is rounded
// before the difference is taken. So both hours find the same number, in whatever
// order they are closed, as long as they see the same samples.
//
// They need not, because samples may come late. So an hour stores its edges, and
// what a neighbour has stored goes before what the samples say now. An epoch that
// began since the previous hour did, and that it did not store, was not counted
// yet: it opens at zero. What was held before the edge is then counted now, as late
// time at the begin of the window. A stored edge beyond what the samples say stands,
// and the epoch counts nothing until it gets there. Hours add up to the last unit
// either way.
//
// What is stored of an epoch is what it counted itself, whatever another one counted
// of that time: how far that one counted depends on how far the hour sees. The part
// is left out when the hour is added up.
//
// The previous hour may have bridged a gap in which, as late samples show, one more
// epoch counted. What the bridge charged is a debt that the later epoch pays back:
// that much is left out of what it counts.
//
// A GPU that a whole hour does not see keeps its edges: they are carried on with an
// edge of their own that says so, and the first hour that sees the GPU counts from
// there.
//
// # One GPU
//
// Three steps make the rows of a GPU. First the device's track is put together,
// because it names the times at which it will ask what its containers held. Then
// each container's track is cut into rows, runs of the same share. Last the device's
// track is cut into the states that no container has: unallocated, unattributed,
// unavailable. Between two scrapes the device shows only sums; what the containers
// held there says when its states changed.
//
// What the device counted as allocated beyond what its containers show, more than
// rounding and lag explain, is unattributed: a container that came and went while no
// scrape succeeded leaves no series. What is left of the device's gaps is uncovered.
// After the last scrape the GPU is absent only if its node was seen to go; a server
// or a collector that was down must not make the fleet look smaller. A GPU of the
// previous hour that no scrape shows is uncovered for as long as its node is there.
//
// # Proof
//
// The states of a GPU must sum to the time that it was there, and what containers
// held to what the device says was allocated, both within usage.Agree. Where they do
// not, or a scrape is impossible, the hour has a finding. None of them makes it fail,
// or smaller in silence.
package fold
