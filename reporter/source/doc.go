// Package source says what it takes to read the usage of a cluster's GPUs. A
// source profile is a package below it: it knows the metrics of one exporter, reads
// their samples, and has them folded into segments. Package sourcetest tests every
// profile against what this package says.
package source
