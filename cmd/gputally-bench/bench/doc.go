// Package bench measures the reporter at the size of a fleet and prints one
// table: what closing and reporting take, in multiples of what the same work
// takes at the least, and how exact the books are.
//
// Everything is measured from outside, on the built binaries, so that nothing
// is left out that a user would pay: gputally-reporter closes from a real
// Prometheus into a folder, and the yardsticks are processes as well:
// package floor for the reading, DuckDB on the same Parquet files for the
// reporting. They take turns, each closing has a server that was just started,
// and the figures are medians of the rounds.
//
// Processor time is that of the process, from the kernel; memory is the highest
// resident set that it ever had. A server's memory is what it held at most, and
// how much of it beyond its start, without the files that it maps, which the
// kernel takes back at will.
//
// Fleets and ledgers are made up once and kept in a folder. Sums are compared
// with the truth of the fleet by DuckDB, which shares no code with the ledger.
package bench
