// Package sealed writes and reads the Parquet files of the ledger: rows of
// segments or of edges, a footer of keys and values, and a seal. It is the only
// package that knows the Parquet library, and it knows nothing of hours, days or
// the bucket.
//
// # The seal
//
// Parquet has checksums for pages and none for the footer, where one changed
// digit would be another bill. So the footer has a value gputally.sha256: the
// SHA-256 of the file with 64 zeros in its place. It covers every byte, and Open
// checks it before any byte is used. The Parquet library trusts the lengths that
// it reads, so a file whose seal somebody forged may make it panic; that is a
// *DamagedError too.
//
// # Rows
//
// A file is written once, row by row, by an Encoder, which holds the encoded
// bytes and one row group. The same rows, values and version give the same bytes.
//
// There are two ways to read. Segments and Edges read whole rows, for those who
// look at each; Scan reads columns in batches, for those who add up millions.
// Both hold one row group. Columns that this version doesn't know are passed over.
//
// # The digest of rows
//
// A Digest is the SHA-256 of rows, however they are encoded: each name after its
// length (a varint) and each number as 8 bytes, big-endian, in the order of the
// columns. Two files have the same rows if they have the same digest, whichever
// versions wrote them.
package sealed
