// Package s3server runs a real S3 server for tests: versitygw on a folder. The
// server checks signatures, conditions and checksums; it ignores the headers
// of server-side encryption.
package s3server
