// Package prom reads raw series of a time range, as a stream, from a server
// that speaks a Prometheus read protocol. It is the only importer of
// Prometheus' protocols.
package prom
