// Package index says which hours there are, so that nobody has to list the
// bucket to find out. It holds nothing that the objects of the ledger do not have:
// if it is lost, Rebuild makes it again. A Collection keeps other records in the
// same way; the archive keeps those of reports in one.
//
// # Objects
//
//	index/hours/cluster=<c>/<YYYY-MM>.json   the closed hours of a cluster's month, UTC
//
// Each is one JSON object with sorted keys, a version, its records in order,
// and a token that is new with every write. ETags depend on the content only;
// without the token, a change and its reversal would look like no change. The field
// updated is for people who look; nothing reads it.
//
// # Writing
//
// An update reads the object, merges its record, and puts it back on the
// condition that the object is still the one that it read. If it is not, the
// update begins again after a pause that grows and has jitter. What is merged
// already is not written, so an update may be repeated at will. A process
// remembers the latest two objects of each cluster that it wrote or read. Its first attempt
// begins with that, without reading it: if another process has changed the object
// since, the condition fails. Readers ask for the ETag, and read an object only if it
// is another one.
//
// A merge never goes back: a lower revision of an hour does not replace a higher
// one. Rebuild replaces what is there by what the objects say, under the same
// condition. If another process adds a record meanwhile, Rebuild looks at the
// objects again, and finds the one that the record is about.
//
// # Versions
//
// A field that this version does not know was written by a later one. Readers pass
// over it, and an update writes it again: those of the document always, those of a
// record as long as the record stays as it is. A record of a restated hour is
// about another object, so what a later version said of the old one is dropped. A known
// field that is missing is an error. The number of the version grows only with a
// change that earlier versions can't read; then they touch nothing.
package index
