// Package gputally is the source profile of the project's own collector. It reads
// the collector's series of one cluster, joins them to scrapes, and has package fold
// make segments of them.
//
// # Pieces
//
// The samples of the window are read with a margin on both sides. First comes what
// collectors say of themselves, which names no GPU: process start, poll age and
// interval, node. The number of collectors decides into how many pieces the fleet is
// cut, by the first digits of the UUIDs. Memory holds the piece that is folded and the
// next piece, which is read meanwhile. A piece that exceeds a limit of the server, or
// takes too long, is halved by UUID, and by time where no digits are left.
//
// Both ends of a range are included on every road, whatever the server's own rule
// (Prometheus 3 leaves the left end out, Prometheus 2 does not): package prom asks
// for a millisecond more and cuts. Samples outside the range, out of order or
// duplicated are corrected here and become a finding.
//
// # Joining
//
// The labels of a target (instance, job, replica and so on) say nothing of the GPU,
// but they tie together what one scrape brought: the seconds of a holding, its start,
// end and share, and the target's poll age and process start. The scrape shows the
// instant of the latest poll: its own time less the poll age. A poll finds what
// changed half a poll interval late on average (the lag). So all times are dated back
// by half an interval, if the collector exposes what its interval is.
//
// A holding is named by UUID, pod UID and container. The fold is given what each
// target says of it, and finds out which of these show the same epoch.
//
// # Labels
//
// Before anything else, series get back the labels that their exporter wrote, where a
// scrape without honor_labels renamed them (exported_node). Which labels are the target's
// own is known from the collector's start, into which the collector writes none. Where the
// holder, the GPU or the node may be the target's, closing ends with source.ErrLabels.
// docs/servers.md says when.
//
// # Proof
//
// An answer of status 200 may be too small. What one scrape brings comes in several
// answers, so each is held against the others: a GPU that the collectors' read lists
// has its seconds in its piece, and a device in a piece is of a collector that the
// collectors' read knows, with a start for each of its scrapes. The families of a
// holding have as many samples as each other, and package fold compares what devices
// were allocated with what containers show. An answer that can't be all is asked for
// once more. If it still can't, and what lacks can't be made up for, closing ends
// with source.ErrIncomplete. docs/closing.md has the list.
//
// # Presence
//
// A collector that is down and a node that is gone look the same in the collector's
// series: they end. A staleness marker on them is not enough, since every scrape that
// fails writes one. The node is there as long as the server knows a target on it (up
// has samples, also 0), or kube-state-metrics knows the node (kube_node_info). Which
// target was on a node whose collector is not seen in the window is looked up in the
// previous day. If there is neither up nor kube_node_info, or if relabelling made the
// target's labels differ from those of its series, the collector's own markers decide.
//
// The road of JSON shows no markers, so a device that is gone is uncovered there for
// the rest of the hour, and for the next where the margin has samples of it. A window
// must not reach into the future: an open hour is cut at now.
package gputally
