// Package archive keeps published reports: it is the one home of their keys,
// manifests, revisions and files, and of what says which of them there are and
// which are outdated.
//
// # Objects
//
//	reports/<name>/<period>/<id>/report.csv      the rows; not of a Failed report
//	reports/<name>/<period>/<id>/manifest.json   written last: the commit
//
//	state/reports/<name>/<period>/<id>.json      the claim to the id, written first
//
// A report without a manifest does not exist. The id is derived from the name,
// the period and the revision (1, 2, … within a period), so that every replica
// comes to the same one.
//
// # Publishing
//
// Publish begins with the latest revision. If its manifest says what the table
// says, it is the report. If it says something else, the next revision is
// tried. If there is no manifest, the id is claimed for the table's content, the
// files are written, and then the manifest, all of them on the condition that
// nothing is there yet. Who finds the claim of another content leaves the id
// alone: a replica may be at work there, or a crash may have ended it. Who finds
// the claim of the same content goes on with the work. So all that lies under an
// id was made from one table, whoever wrote it and in whatever order.
package archive
