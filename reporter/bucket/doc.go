// Package bucket is the contract of the object store that holds the ledger,
// the reports and the index, and the errors that it speaks in. The stores
// behind it are s3 and dir; mem is for tests. One suite (buckettest) holds all
// of them to this contract.
package bucket
