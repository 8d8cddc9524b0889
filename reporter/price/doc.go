// Package price turns closed segments into money by a dated price book.
//
// # Which rate applies
//
// A rate selects by cluster, node pool and model, each a glob, and is valid in
// a half-open range of time. Of the rates that match at an instant the most
// specific one applies: the one with the more specific cluster; among equals
// the more specific node pool; among equals the more specific model (package
// glob says which of two patterns that is). So a price for a place beats a
// price for a kind of hardware, and a price for both beats either. Two rates
// that match the same GPU at the same instant and are equally specific are an
// error of the book: the order of a file never decides about money.
//
// # Rounding
//
// A segment is cut where the rate changes. Each piece is its GPU-milliseconds
// times the rate; the pieces are added up exactly and the sum is rounded once,
// half to even, to a millionth of the currency unit. Every total is a sum of
// such amounts, so every grouping of the same segments gives the same total.
// There is no floating point in this package: prices have at most nine
// decimals and are whole numbers of 10⁻⁹, products have 128 bits.
package price
