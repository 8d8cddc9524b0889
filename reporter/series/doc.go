// Package series has the values that a reading of samples is made of: labels,
// samples and series, the query that picks them, the pieces that a query is cut
// into if a server does not give it at once, and the kinds of failure. A source
// imports this package and no client; package prom reads the samples from servers
// and implements Reader.
package series
