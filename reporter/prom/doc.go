// Package prom reads raw series of a time range, as a stream, from a server
// that speaks a Prometheus read protocol. It is the only importer of
// Prometheus' protocols.
//
// # Roads
//
// A road is one way to get raw samples out of a server. There are three, which
// yield the same samples of the same data:
//
//   - remote_read is the chunked form of Prometheus' remote read, which Mimir
//     has too. The server sends its compressed chunks as they lie in its store,
//     a frame at a time, so that neither side ever holds the answer.
//   - export is VictoriaMetrics' /api/v1/export: a JSON object a line for each
//     series, with its values and its times apart.
//   - json is an instant query for a range of raw samples, which every server
//     answers, also Thanos. The server holds the answer, this side does not.
//
// A Client finds the road by asking each, in this order, for the series of a
// metric that does not exist. A server that does not know the question or answers in
// another form does not have the road. Nothing follows from a server that can't
// be reached, fails, is busy, wants other credentials or lacks a part of its
// data: that is an error, and the next read tries again. Versions are not looked
// at. If the server refuses a read on the road that was found, as one without that
// road does, the roads are tried again: another server may stand behind the URL.
//
// # Remote read
//
// A frame is a varint length, a CRC-32C and a ChunkedReadResponse message; a
// series that does not fit into one frame goes on in the next, with its labels
// repeated. The message is taken apart with protowire and not with the generated
// type: that would make strings of all labels again for each frame. Here the
// encoded labels are compared with those of the frame before, and a new series
// takes over every string that it shares with its predecessor. In an answer,
// which is sorted, these are nearly all.
//
// Remote read says little when it fails: warnings never leave the server, and
// an error in mid-stream is plain text after the frames, still under status
// 200. So every frame's length and CRC are checked, the times in each chunk
// must rise, a frame that turns out to be readable text becomes the server's
// error message, and a body that ends inside a frame is an error. A stream that
// ends between two frames looks like a complete one: that everything
// came must be proven from the data.
//
// # JSON
//
// Both other roads are read by a scanner that never holds more than a string or
// a number. It takes what encoding/json takes, to the bit, and has a shorter way
// for numbers as servers write them. Times must rise within a series; the same
// sample twice is one; two values at one time are an error.
//
// A range of an instant query is open to the left in Prometheus 3 and closed in
// Prometheus 2. One millisecond more is asked for and cut off again, so that both
// give the same. An answer with a warning is a failure of the kind Partial, as
// is a header or a field that says that the answer is partial. Warnings come after the
// series, so these may have been yielded by then: Query.Restart lets Read begin
// again.
//
// Staleness markers are not visible on the road of JSON: Prometheus leaves them
// out, and Series.Stale is empty. Then the end of a series is only a sample that
// does not come, and the time up to the next expected one is not known to be
// free. This costs little where the collector keeps the last value of an ended
// series for ten minutes: it is seen to stand still. External labels are not
// visible either, unless Thanos adds them. VictoriaMetrics stores markers and
// exports them as null, as it does any other NaN; a null is taken for a marker,
// since counters and gauges of the collector are never NaN. Its export with
// reduce_mem_usage is not asked for: it would skip deduplication and send a
// series in parts that overlap.
//
// Thanos is asked to give all stores or none (partial_response=false), raw data
// only (max_source_resolution=0s) and each replica as it is (dedup=false); other
// servers ignore that. Downsampled data is recognized by its times, which lie in
// the last millisecond of each five minutes, and is refused; where raw data was
// already deleted there is none, and the hour shows it uncovered.
//
// # Pieces and replicas
//
// A Piece is a part of a query that stays under a server's limits. Pieces are cut
// by the first hex digits of a label's value, with expressions for which
// Prometheus only compares prefixes, and halved where a limit is met.
//
// Replicas scrape the same targets, each with gaps of its own. All are read, and
// the reader sees the series of all, with ReplicaLabel to distinguish them. If a
// replica is down or takes too long, the others are read all the same; while it
// hangs it is left out, or each piece would wait for it.
//
// # Errors
//
// Every failure of a server is an *Error whose Kind says what sort of failure
// it is; errors.Is(err, series.Limit) works on Kinds. A cancelled context is
// returned as such. Connections that fail, partial answers, status 429 and 5xx
// are tried again, later than the server's Retry-After, but only as long as no
// series has been handed over or the reader can begin again: a series never
// comes twice because of a retry.
package prom
