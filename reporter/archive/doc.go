// Package archive keeps published reports: it is the one home of their keys,
// manifests, revisions and files, and of what says which of them there are and
// which are outdated.
//
// # Objects
//
//	reports/<name>/<period>/<id>/report.csv      the rows; not of a Failed report
//	reports/<name>/<period>/<id>/manifest.json   written last: the commit
//	reports/<name>/<period>/latest.json          points to the highest revision
//	index/published/<name>/<YYYY-MM>.json        records of the periods that begin in a month, UTC
//	index/published/<name>/long.json             records of periods that end after the next month, too
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
// nothing is there yet. If the claim is of another content, Publish leaves the id
// alone: a replica may be at work there, or may have crashed. If the claim is of
// the same content, Publish goes on with the work. So all that lies under an
// id was made from one table, whoever wrote it and in whatever order.
//
// After the manifest, latest.json is pointed to the report, unless it points to a
// higher revision, and then the index gets its record. After a crash in between, the
// index doesn't have the report, so it is made again, and that completes the rest.
//
// # Index
//
// The index is split by the month in which a period begins, and not in which its
// report was published: all revisions of a period lie in one object, and so do
// the reports that a window of time is compared with. A period in a month's object
// ends in that month or the next one, so that a window needs one month more than
// it overlaps. Longer periods, quarters and years, are few and have an object of
// their own. A listing goes back from the newest month; one LIST says which
// objects changed since they were read.
//
// Earlier versions kept all records of a name in index/reports/<name>.json. That
// object is read, and split by Prune and Rebuild. The months lie
// under another prefix, so that index rebuild of such a version still works: it
// stops at keys below index/reports/ that it doesn't know.
package archive
