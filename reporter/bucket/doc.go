// Package bucket is the contract of the object store that holds the ledger,
// the reports and the index, and the errors that it speaks in. The stores
// behind it are s3 and dir; mem is for tests; open picks one by its URL, instrument counts. One
// suite (buckettest) holds all of them to this contract, and Probe tries on a
// live store the promises that everything else is built on.
//
// The bucket is also how replicas agree: a record is created once (absent), a
// shared object is replaced only as it was read (ETag). No lock service is
// needed, as long as the store is honest about conditions.
package bucket
