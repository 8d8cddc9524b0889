// Package series has the values that a reading of samples is made of: labels,
// samples and series, the query that picks them, the pieces that a query is cut
// into where a server gives no more at once, and the kinds of failure. Whoever
// folds samples into usage imports these and no client; package prom reads them
// from servers and implements Reader.
package series
