// Package upkeep looks after the closed hours of one cluster: it compacts whole
// days into daily tables, deletes what is older than its retention, verifies what
// is there, and adds up its coverage.
//
// Nothing here reads Prometheus, so all of it also works for a cluster that is no
// longer in the configuration. Everything may be interrupted and begun again.
package upkeep
