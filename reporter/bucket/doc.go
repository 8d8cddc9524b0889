// Package bucket is the contract of the object store that holds the ledger,
// the reports and the index, and its errors. The stores behind it are s3 and dir,
// and mem for tests. Package open picks one by its URL; package instrument counts
// and times operations. One suite (buckettest) tests all of them against this
// contract, and Probe tries on a live store the promises that everything else is
// built on.
//
// The bucket is also how replicas agree: a record is created once (absent), a
// shared object is replaced only as it was read (ETag). No lock service is
// needed, as long as the store honours conditional writes.
package bucket
