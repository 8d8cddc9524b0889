// Package buckettest is the contract of a bucket as a test: every store runs
// it, with nothing taken out.
package buckettest
