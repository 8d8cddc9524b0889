// Package reporting makes reports: it reads the closed hours of a window, and if
// asked for also the hours that are not closed yet, and rolls them up to a table.
//
// Make reads closed hours only. Preview also reads the open hours of the
// configured clusters from their sources; if there are such hours, the report is
// provisional. Month keeps the rollup of the running month, so that the figures
// that the service shows cost one hour's reading for each closed hour.
//
// The index says which hours are closed. For hours that the index does not have,
// the ledger is listed once for each cluster, because the index may have lost
// them. No request is spent on an hour that is in neither.
//
// Hours are read ahead: up to four at once, in small batches of columns, and
// added up in order of time and cluster. So memory is bounded however long the
// window is, and the table does not depend on which hour was read first.
package reporting
