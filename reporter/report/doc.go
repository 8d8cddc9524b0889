// Package report is the document: what a report is asked for (Spec), its rows
// (Table), how much of its period is known (Coverage), what it was made from
// (Manifest), and the files that it is written as. Where the rows come from is
// no matter of this package; see rollup.
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
// A report fails if a used model has no price and none is allowed to, or if
// less of its period is covered than its minimum. A provisional report, of a
// period that is still open, warns instead of the latter. A failed report has
// a manifest that says why, and no other file.
//
// # Publishing
//
// The files of a report lie under reports/<name>/<period>/<id>/ and never
// change. The manifest is written last: a report without one does not exist.
// To publish the same report again is no error, so a crash at any point is
// repaired by doing it again.
package report
