// Package floor is the least that a reader of Prometheus must do: ask, decode
// every sample, add it up. What closing an hour takes beyond that is
// what gputally adds, so the benchmarks measure closing in multiples of it.
//
// It shares no code with the roads of package prom, trusts the server in all
// that a reader of bills must not, and is of no use but as a yardstick.
package floor
