// Package reporter wires the reporter: it closes hours from Prometheus into the
// ledger, prices them, compares them with quota, and drops reports into the
// bucket.
//
//	prom ─> usage ─> ledger ─> index
//	                   │
//	                   └─> price, quota ─> report ─> report.csv, manifest.json ─> index
//
// The recipes are cluster.closeHour, cluster.restate and books.report. The
// commands serve, close, report, check and ledger call them; everything else is
// in the packages below.
//
// # Edges
//
// Two neighbouring hours have one edge in common, and both take the same totals
// there, so that nothing between them is lost or counted twice. Whichever is
// closed first takes them from the samples and books them; the other takes over
// what is booked. That holds in any order, also of hours that are closed at the
// same time: those of a backfill are compared when all are done.
//
// To restate an hour is to take its edges anew, which the hours beside it then
// don't have. So these are read again too, with the new edge on one side and
// their booked one on the other, where it goes no further. If their samples are
// gone, it is the restated hour that takes over the booked edge. Whether the
// edges can be read is found out before anything is rewritten.
//
// Hours never become smaller by being read again: see standard.
package reporter
