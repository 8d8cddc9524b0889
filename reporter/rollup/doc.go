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
// # Accumulators
//
// Accumulators add up what a row shows. There is one for quantities; one for cost
// if there is a price book; one for quotas if the keys are projects, departments
// and node pools only; and in reports of several clusters one that looks for GPUs
// that two of them count. An accumulator says what it must know of segments, and
// so which columns of the ledger are read. It adds the segments of a batch to its
// cells, and fills in what a row shows of them. The engine finds the rows and adds
// cells to cells; it does not know what they mean. A further kind of quantity is a
// further accumulator.
//
// # Namespaces that move
//
// The projects file may give a namespace to another project at some instant. A
// segment that is held at that instant is cut there: what was held exactly, the
// rest in proportion. It is cut whatever the report groups by, so that cost, which
// is rounded per segment, has the same total in every grouping.
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
// The segments of a batch are sorted into classes by their codes: first by
// what decides about owner, price and quota (the origin), then by what else
// decides about the row (node, pod). Each class is added up by itself and then
// added to its row, so that what is slow (to find the owner of a namespace, the
// rates of a model, a row among a million) is done once for each class.
//
// A pod that runs for days is in each of their hours. Its cells are carried
// from hour to hour, in the order of the ledger, and added to its row once,
// when the pod has ended. Names and rows are numbered by package intern, which
// says by how much that beats Go's maps.
package rollup
