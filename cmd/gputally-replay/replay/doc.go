// Package replay drives a trace of GPU pods through the real meter into
// Prometheus blocks, and, for the accuracy run, through a real Prometheus and
// the real reporter, to compare what the ledger says with the truth that the
// placement kept.
package replay
