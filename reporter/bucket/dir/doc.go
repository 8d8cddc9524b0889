// Package dir is a bucket in a directory, for one machine or a shared volume.
//
// An object is a file with the object's key as its path. A Put writes a
// temporary file below .gputally, syncs it, renames it into place and syncs
// the folders, so that a reader sees the old file or the new one and a crash
// leaves at most a temporary file, which is never listed and which the next
// New removes (the writer holds a lock on it as long as it lives).
//
// Conditions are checked and files renamed under one lock, .gputally/lock,
// taken with flock(2). It holds between processes too, also over NFS 4, as
// long as all writers go through this package. Where the system has no flock
// (Windows, Solaris), nothing can be written.
//
// An ETag is a hash of the content, computed when an object is got and stored
// nowhere, so that it is right for files that other tools put there. It
// distinguishes the states of an object and proves nothing: XXH64, because a
// report over a month gets a gigabyte of objects and SHA-256 would be a quarter
// of its time. List would have to read every file and leaves it empty.
//
// Keys differ in case: a file system that ignores case (macOS by default) takes
// "A" and "a" for one object.
package dir
