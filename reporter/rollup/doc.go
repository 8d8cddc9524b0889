// Package rollup adds closed hours up to the rows of a report.
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
// # How a million rows are added up
//
// Segments come in batches of columns whose texts are codes of a dictionary.
// The rows of a batch are sorted into classes by their codes, and each class is
// added up before it goes to its row of the report, so that what is slow (to
// find the owner of a namespace, the rates of a model, a row among a million)
// is done once for each class.
package rollup
