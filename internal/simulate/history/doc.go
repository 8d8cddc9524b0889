// Package history writes what a Prometheus would hold if it had scraped a fleet
// of collectors: TSDB blocks made by the real meter and the real exporter on a
// simulated clock. Besides the benchmarks, which make fleets of their own, it is
// the only importer of Prometheus' TSDB.
//
// Nothing is aligned by luck. Each node polls and is scraped at phases of its
// own with jitter; some scrapes are lost; a collector process dies now and then
// and comes back seconds later with all counters at zero. As a live Prometheus
// does, a series that a scrape no longer shows gets a staleness marker, and so
// do all series of a target whose scrape fails.
//
// Between two changes of the node the meter is advanced in one step: to the
// last poll before a change, the first poll after it, and the last poll before
// each scrape. The meter's own tests show that this equals polling.
package history
