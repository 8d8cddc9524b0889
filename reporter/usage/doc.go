// Package usage turns the collector's raw samples into segments: who held which
// GPU from when to when, what was done with it, and what is not known. It
// extrapolates nothing: every number is a difference of cumulative values.
//
// # From the server to pieces
//
// The samples of the window and of a margin on both sides are read. First comes
// what collectors say of themselves, which has no GPU in it: process start, poll
// age, node. Their number tells into how many pieces the fleet is cut, by the
// first digits of the UUIDs; memory holds the piece that is folded and the one
// that is read meanwhile. A piece that is more than the server gives at once, or
// takes too long, is halved by UUID, and by time where no digits are left. Parts
// leave in the order of UUIDs, so a sorted hour needs no sorting.
//
// The range of a read is closed at both ends on every road, also where the
// server's own ranges are open on the left (Prometheus 3) or closed (2): package
// prom asks for a millisecond more and cuts. What lies outside all the same, is
// out of order, or stands twice, is put right here, and named.
//
// # From samples to points
//
// The target's labels (instance, job, replica and so on) say nothing about the GPU,
// but they tie together what one scrape brought: the seconds of a holding, its
// start, end and share, and the target's poll age and process start. Joined,
// they are a point: at the instant of the poll behind the scrape (its time less
// the poll age) the holding had used so much in all, and held such a share.
//
// A poll finds what changed since the one before, half an interval late on
// average. Within an hour the delays of both ends cancel; at an edge one of them
// would be left. So all that a target tells, starts and ends as well, is taken to
// have been half an interval earlier, where the collector tells its interval.
//
// # From points to tracks
//
// A holding is folded by cluster, UUID of the GPU, pod UID and container. All
// its points with the same start are one epoch, whoever scraped them: two
// replicas, or a job under another name, show the same process twice and are
// merged, never added. A collector's pod that is replaced within the hour changes
// no more than target labels. A collector that starts anew gives a new start, hence a
// new epoch that begins at zero: no reset is ever guessed. Only where the start
// is missing does a falling value open an epoch, and then nothing is counted
// before its first sample. Epochs that overlap (two collectors on one node) are
// laid end to end, so that no second counts twice. The epochs in order are the
// track.
//
// # From a track to a curve
//
// An epoch is the polyline (start, 0), (t1, v1) … (tn, vn). Between two points
// the share tells more than a straight line would, because the value grows by
// share × time: when the share differs at both ends, the growth says when it
// changed; when the holding is over at the second, its end time does, and for a
// holding that began and ended between two scrapes the growth over its life is
// its share. Growth that is too small between two equal shares means that the
// collector stood still; where in between is not known, so it is spread evenly.
// The other integrals follow the GPU-seconds in proportion between two points.
//
// A device is a track, too: held by its collector with share 1, its total the
// sum of its four states.
//
// Most points are not needed for that. Between neighbours with the same share and
// steady growth a point changes nothing, because growth telescopes; what is kept
// are the points beside the edges and those at which something happens. A test
// holds the hour with and without them to be the same.
//
// # Edges
//
// The value of a curve at the edge of an hour comes only from the start and
// from the points that both neighbouring hours can see, Lookback before and
// Lookahead after it, and is rounded to the unit of the ledger before the
// difference is taken. So both hours compute the same number for their common
// edge, in whatever order they are closed, as long as they see the same samples.
//
// They need not: samples come late, and an hour may be read again when its
// neighbours stand. So every hour books its edges, what each epoch had counted in
// all at its begin and at its end, and what a neighbour has booked goes before
// what the samples say now. An epoch that began since the hour before did, and is
// not booked there, was not counted yet and opens at zero. Hours then add up to
// the last unit of every quantity, and what was held before an edge but booked by
// nobody is counted after it, once it is known: as a stretch at the begin of the
// window, named as counted later than held. The hour before shows that time as
// uncovered, and the signed residue of the two tells; to move it to where it was
// held, restate both. A booked edge that lies beyond what samples say now stands,
// and the epoch counts nothing until it gets there.
//
// What is booked of an epoch is what it counted itself. The part that another one
// counted before it, where two collectors overlap, is left out when the hour is
// added up: it depends on how far the hour sees.
//
// An hour may have bridged a gap (see below) in which, as samples that come later
// tell, one more process counted. What was charged for the gap is then left out of
// what that one counts; a gap that turns out to have been shorter by no more than a
// poll stays as it was charged. That needs the holder before the gap in view: where
// the gap lies further before the edge than Lookback less MaxBridge, the seconds are
// named as counted later than held and stand twice until both hours are restated.
//
// Where a run of hours is closed again, its inner edges are free and its outer
// ones booked; see Neighbours.
//
// A gap may be longer than an hour. Then the hour in it sees nothing of a GPU with
// which the hour before ended, and carries its edges on as they are, so that the
// first hour that sees the GPU again goes on from there. An edge of its own says
// that, and since when: what began since then is booked nowhere. Where edges
// are free, what is booked stands all the same for what no sample near the edge
// tells of.
//
// # What nobody is known to have held
//
// A container that came and went while no scrape succeeded leaves no series of
// its own, but the device's counters tell that it was allocated. What the device
// counted as allocated beyond what its containers show, more than rounding and
// lag explain, is unattributed: held, but by whom is not known.
//
// # Gaps
//
// Lost scrapes inside an epoch lose nothing. Between two epochs nobody counted:
// if the same container held the GPU in the last sample before and the first
// after, no more than MaxBridge apart, the gap is charged at its share and
// marked as estimated. What is left of a device's gaps is uncovered. A device
// is present from its first sign of life to its last, and to the edges of the
// hour when there is one beyond; one that was there at the end of the hour before
// is so from the begin on. After the last sample it is absent only if its node was
// seen to go: neither a server nor a collector that was down may make the fleet
// look smaller. A staleness marker on the collector's series is not enough, since
// every scrape that fails writes one. The node is there as long as the server knows
// a target on it (up has samples, also 0), or kube-state-metrics the node
// (kube_node_info); only when that ends with a marker, too, is the device absent.
//
// A GPU of the hour before that no sample tells of is uncovered for as long as its
// node is there by the same signs, and named. Which target is on a node whose
// collector is not seen is looked up in the day before. Is there no sign in the
// window, the GPU is gone, and has no row.
//
// Roads that show no markers (JSON) leave a device that is gone uncovered, for the
// rest of the hour and where samples of it are in the margin, for the next. So a
// window must not reach into the future: cut an open hour at now. Where neither up
// nor kube_node_info is to be had, or a relabelling made the target's labels others
// than those of its series, the collector's own markers decide.
//
// Time of the window for which a GPU was absent has a row, too, so that the six
// states of each GPU that was seen make the window, but it is no part of what
// was expected of the fleet.
//
// # Activity
//
// The nodes whose collectors divide what a shared GPU does evenly among its holders
// are named: active and idle seconds are a convention there, no measurement.
//
// # Proof
//
// The parts of an hour must sum to what was expected, device by device, and
// what containers held to what their device says was allocated, both up to
// Tolerance and one part in a thousand: a scrape shows a poll of up to a second
// ago, and clocks differ. The signed residue is kept. Where they don't, or a
// sample is impossible, the hour says so in Findings; no sample
// makes it fail or makes it smaller in silence.
package usage
