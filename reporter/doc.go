// Package reporter wires the reporter: it closes hours from Prometheus into the
// ledger, prices them, compares them with quota, and drops reports into the
// bucket.
//
//	prom ─> usage ─> ledger ─> index
//	                   │
//	                   └─> price, quota ─> report ─> report.csv, manifest.json ─> index
//
// The two recipes are books.closeHour and books.report. The commands serve,
// close, report and check call them; everything else is in the packages below.
package reporter
