// Package fleet writes the history of a large made-up fleet: what a Prometheus
// would hold of tens of thousands of GPUs, in minutes. Package history plays
// the real meter and is exact in every detail, but far too slow for that; here
// the values of the counters are worked out in closed form.
//
// Nodes have 8 GPUs, which one of several layouts divides into lanes: the whole
// node, halves, pairs, single GPUs, halves of a GPU. On each lane one pod follows
// the other; their lives spread evenly on a logarithmic scale from 10 seconds to
// 60 hours, so that most are short and most time is held by the long. At 10,000
// GPUs some 20,000 pods start a day.
//
// Each node is scraped at an offset of its own, and a scrape shows the latest
// poll. Some nodes miss scrapes for minutes, some collectors die and start again
// with all counters at zero. Only what bills are made from is written: the
// collector's billing families, and up.
//
// The truth is kept in whole milliseconds and thousandths of a GPU, and so are
// the counters, so that what a reader gets wrong is the reader's. Nodes depend
// on nothing but the seed and their number.
package fleet
