// Package archive keeps published reports: it is the one home of their keys,
// manifests, revisions and files, and of what says which of them there are and
// which are outdated.
//
// # Objects
//
//	reports/<name>/<period>/<id>/report.csv      the rows; not of a Failed report
//	reports/<name>/<period>/<id>/manifest.json   written last: the commit
//
// A report without a manifest does not exist. The id is derived from the name,
// the period and the revision (1, 2, … within a period), so that every replica
// comes to the same one.
package archive
