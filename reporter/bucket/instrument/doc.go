// Package instrument counts and times the operations on a bucket.
package instrument
