// Package usage has the values in which the reporter speaks of what GPUs did:
// segments of their time, how much of an hour they cover, the edges at which hours
// meet, and what was found in the samples. It reads nothing and computes little,
// and imports no more than the calendar, so that everything else may import it.
//
// # Segments
//
// A Segment is a stretch of one physical GPU's time: with State Allocated, the
// time for which one container held a share of it. It can be cut at any instant:
// what was held is exact, because the share is constant in it. A Batch holds many
// segments by column, for those who add up millions of them.
//
// # Coverage
//
// Coverage adds up segments by state. What is expected of an hour, less the parts,
// is the residue, which is kept with its sign: nothing is hidden in a remainder.
// Two sums that should be equal Agree within one tolerance, the same everywhere.
//
// # Edges
//
// An Edge is what one epoch had counted in total at the instant between two hours.
// The hour that is closed first stores it and the other counts from there, so that
// hours add up to the last unit. Neighbours is what a closing is given of the hours
// around it; Part is what it gives.
//
// # Findings
//
// What is odd about the samples of an hour is a Finding: a code, a count and some
// names. Codes stand in the ledger and never change; their texts may, because they
// stand in one table.
package usage
