// Package report is the document: what a report is asked for (Spec), its rows
// (Table), how much of its period is known (Coverage), what it was made from
// (Manifest), and the files that it is written as. Package rollup makes the rows,
// package archive publishes the files.
//
// # Rows
//
// Counted columns are sums of whole numbers and are printed in full; they add
// up to the last digit under every grouping, and so does cost, which is
// rounded per segment. The columns for reading, allocated_gpu_hours,
// memory_gib_hours and energy_kwh, are rounded half to even in each row.
//
// # Failed reports
//
// A report fails if a model was used that has no price and is not allowed to have
// none, or if less of the period is covered than the minimum. A report of a period
// that is still open is provisional: low coverage is a warning there. A failed
// report has a manifest that says why, and no other file.
package report
