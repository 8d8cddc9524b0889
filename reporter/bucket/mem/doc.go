// Package mem is a bucket in memory, for tests. It is as strict as the
// strictest store: List gives no ETag and no key may be the folder of another,
// so that code which is tested with it does not lean on what only S3 does.
package mem
