// Package prom reads raw series of a time range, as a stream, from a server
// that speaks a Prometheus read protocol. It is the only importer of
// Prometheus' protocols.
//
// # Roads
//
// A road is one way to get raw samples out of a server. There is one so far:
// remote_read, the chunked form of Prometheus' remote read. The server sends
// its compressed chunks as they lie in its store, a frame at a time, so that
// neither side ever holds the answer. A frame is a varint length, a CRC-32C and
// a ChunkedReadResponse message; a series that does not fit into one frame goes
// on in the next, with its labels repeated.
//
// The message is taken apart with protowire and not with the generated type:
// that would make strings of all labels again for each frame. Here the encoded
// labels are compared with those of the frame before, and a new series takes
// over every string that it shares with its predecessor. In an answer, which is
// sorted, these are nearly all.
//
// # What is checked
//
// Remote read says little when it fails: warnings never leave the server, and
// an error in mid-stream is plain text after the frames, still under status
// 200. So every frame's length and CRC are checked, the times in each chunk
// must rise, a frame that turns out to be readable text becomes the server's
// error message, and a body that ends inside a frame is an error. A stream that
// ends between two frames can't be told from a complete one: that everything
// came must be proven from the data.
//
// # Errors
//
// Every failure of a server is an *Error whose Kind says what sort of failure
// it is; errors.Is(err, prom.Limit) works on Kinds. A cancelled context is
// returned as such. Connections that fail, status 429 and 5xx are tried again,
// but only as long as no series has been handed over: a series never comes
// twice because of a retry.
package prom
