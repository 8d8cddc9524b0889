// Package checksum writes SHA-256 sums as the ledger, the index, manifests and
// revisions have them: in lower-case hexadecimal digits.
package checksum
