// Package reporter wires the reporter: it closes hours from Prometheus into the
// ledger, prices them, compares them with quota, and drops reports into the
// bucket.
//
//	prom ─> usage ─> ledger ─> index
//	                   │
//	                   └─> price, quota ─> report ─> report.csv, manifest.json ─> index
//
// The recipes are closing.Cluster.Close and Restate, and books.report. The
// commands serve, close, report, check and ledger call them; everything else is
// in the packages below.
package reporter
