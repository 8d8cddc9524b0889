// Package serve is the service: it looks for work every tick and does it, and it
// answers HTTP requests with metrics, a health check and a status page.
//
// A tick looks for work in this order: close the hours of each cluster that have
// settled and read hours with gaps again; make the reports of each schedule that
// are due; bring the figures per project up to date; once a day, compact and
// prune each cluster's ledger. What fails is logged, counted and tried again by
// the next tick. What the service remembers only saves work: another process
// comes to the same hours and reports.
//
// A tick without due work asks the bucket nothing. A cluster is looked at when
// the next hour settles, when an hour without samples or a late hour is to be
// read again, and after a failure. Between, every five minutes, one request for
// each cluster finds out whether another process changed its index of the running
// month; if so, recent reports are compared with their hours. A schedule is looked
// at when its next period is released and whenever a cluster was.
package serve
