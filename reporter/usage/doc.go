// Package usage turns the collector's raw samples into segments: who held which
// GPU from when to when, what was done with it, and what is not known. It
// extrapolates nothing: every number is a difference of cumulative values.
//
// # From samples to points
//
// One read fetches the families of the window and a margin on both sides. The
// target's labels (instance, job, replica and so on) say nothing about the GPU,
// but they tie together what one scrape brought: the seconds of a holding, its
// start, end and share, and the target's poll age and process start. Joined,
// they are a point: at the instant of the poll behind the scrape (its time less
// the poll age) the holding had used so much in all, and held such a share.
//
// # From points to tracks
//
// A holding is folded by cluster, UUID of the GPU, pod UID and container. All
// its points with the same start are one epoch, whoever scraped them: two
// replicas, or a job under another name, show the same process twice and are
// merged, never added. A collector that starts anew gives a new start, hence a
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
// # Edges
//
// The value of a curve at the edge of an hour comes only from the start and
// from the points that both neighbouring hours can see, Lookback before and
// Lookahead after it, and is rounded to the unit of the ledger before the
// difference is taken. So both hours compute the same number for their common
// edge, and hours add up to the last unit. When nothing was scraped for longer
// than Lookahead after an edge, the seconds in between are counted in the later
// hour, once they are known; the earlier hour shows them as uncovered, and the
// signed residue of the two tells.
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
// hour when there is one beyond. After the last sample it is absent if the
// server saw the target go (it wrote a staleness marker), else uncovered: a
// server that was down must not make the fleet look smaller. So a window must
// not reach into the future: cut an open hour at now.
//
// # Proof
//
// The parts of an hour must sum to what was expected, device by device, and
// what containers held to what their device says was allocated. Where they
// don't, or a sample is impossible, the hour says so in Exceptions; no sample
// makes it fail or makes it smaller in silence.
package usage
