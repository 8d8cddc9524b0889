// Package instrument counts what is read from a cluster's Prometheus: reads by
// their road, failures by their kind, series, and samples.
package instrument
