// Package s3 is a bucket in S3 or a store that speaks its protocol. It is the
// only package that knows the AWS SDK.
//
// A condition of a Put goes with the one request that makes the object appear:
// the PutObject, or for more than 16 MiB the CompleteMultipartUpload. The
// parts of an upload that a crash left unfinished are not visible; a lifecycle
// rule (AbortIncompleteMultipartUpload) removes them.
//
// # A condition and a lost answer
//
// When the answer to a conditional Put is lost, the SDK (or a proxy) sends it
// again, and now meets the object that the first try stored: a conflict with
// ourselves. Every Put therefore gives its object a random token as metadata
// and, before it reports a conflict, looks whether the object has that token:
// then the Put succeeded. What remains is that the first try stored the object
// and another writer, who had read it, replaced it before we looked: the
// conflict is then reported though the Put took place. A caller to whom that
// makes a difference finds out by reading the content again.
// A conditional Delete has nothing to put a token on: after a lost answer it
// may report a conflict although it removed the object.
//
// # Checksums
//
// Every object and part is sent with its CRC32 in a header, which the store
// checks. The SDK is configured to add none by itself (it would use a trailer, which
// stores other than AWS often don't know) and to verify those of an answer
// where there are any.
//
// # What an answer must be
//
// Only a 404 that says NoSuchKey is a missing object. A missing bucket, or the
// 404 of a proxy in between, is an error, never an empty bucket. So Stat, too,
// is a GET, of one byte: the 404 of a HEAD says nothing.
package s3
