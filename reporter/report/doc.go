// Package report rolls closed hours up to a report, writes it, and publishes
// it as immutable objects.
//
// # Rows
//
// A Rollup takes the hours of a period in order of time and adds each segment
// to one row: the row of its state and of the keys that the report groups by.
// Time that a tenant held is in rows of state allocated. Time that was held by
// nobody, or by nobody known, or that no sample covers, is in rows of its own
// with empty tenant keys. So each GPU-second is in one row, the column
// gpu_seconds adds up to the fleet, and allocated_gpu_seconds to the tenants.
//
// Counted columns are sums of whole numbers and are printed in full; they add
// up to the last digit under every grouping, and so does cost, which is
// rounded per segment. The columns for reading, allocated_gpu_hours,
// memory_gib_hours and energy_kwh, are rounded half to even in each row.
//
// A key in parentheses stands for what has no name: (none) for use by no
// project, department or node pool, (all) for a quota over all node pools.
//
// # Quotas
//
// Deserved, over quota and left are shown where the keys are projects,
// departments and node pools only. A department's figures are the sums of its
// projects': what one borrows, another does not make up for. Only the clusters
// of the report count as use, and hours that are missing count as unused; the
// coverage says how far that matters.
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
