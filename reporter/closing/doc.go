// Package closing closes the hours of one cluster: it finds the hours that are
// due, reads each from its source (Prometheus), and puts it into the ledger in the
// bucket and into the index, which is derived from the ledger. It also reads closed
// hours from the source again, and keeps neighbouring hours in agreement.
//
// # Closing
//
// An hour is due when it has settled (it ended at least the settle time ago) and the
// index does not have it. Due lists such hours from a given time on. Look lists them
// from Resume on, which is a day ago or the end of the last closed hour, whichever is
// earlier.
//
// Close first looks into the ledger, because the index may have lost the hour. A
// closed hour is not read from the source again, only put back into the index. Otherwise Close takes
// the stored edges of the previous and the next hour from the ledger, has the source
// read the hour between them, commits the result to the ledger, and puts its record
// into the index. The ledger's PUT of the hour is the commit point. A crash before it leaves
// the hour open. A crash after it leaves a closed hour without a record; the next
// Close puts the record into the index. An hour whose object is damaged counts as not
// closed, and is replaced.
//
// CloseAlone gives the same hour as Close, with fewer requests where an hour is
// probably empty: one whose neighbours are not closed either, such as an hour from
// before the collectors were installed. It reads the source first, and asks the bucket
// only if there are samples. Without samples nothing is written: the error says so.
//
// # Edges
//
// Two neighbouring hours share the edges at the instant where they meet: the value
// that each counter had then. Both hours use the same value, so that nothing between them is
// lost or counted twice. The hour that is closed first takes the value from its
// samples and stores it. The other hour takes over what is stored. This works in
// any order.
//
// Two hours that are closed at the same moment may each store a value of their
// own. CloseAll closes several days at once, so its caller must call AlignDays
// afterwards: it compares the edges between days, and makes them agree.
//
// # Restating
//
// To restate an hour is to read it again and to replace it if it changed. Restate
// does so for a run of consecutive hours, oldest first. The first hour of the run takes
// its opening edges from the samples, each later hour from the previous hour of the run.
// All closing edges come from the samples.
//
// The edges at the two ends of the run may then differ from what the neighbours of
// the run have stored. Such a neighbour is read again, too, with the new edge on the
// one side and its stored edge on the other. So the change mostly stops there. The
// exception is a GPU without samples in the neighbour, whose edge the neighbour only
// copied to its other end: then that edge changes as well, and Restate goes on to the
// hour beyond. If a neighbour's samples are gone, the
// neighbour stays as it is, and the restated hour uses the neighbour's stored edge. In
// either case the two hours agree.
//
// Before the first hour is replaced, Restate makes sure that all edges which it may
// need can be read, and fails otherwise. Each hour is replaced as a whole, so an interrupted Restate is
// completed by repeating it. AlignEdges restates no run: it only makes neighbours agree
// that have stored different edges.
//
// # The guard
//
// Prometheus deletes samples after its retention. To read an hour again must not make
// it smaller, so a Guard compares how much of the hour the samples account for now with how much the
// stored hour accounts for (Known). Estimated time does not count: a bridge that is
// replaced by counted time makes more known. If the guard refuses, the stored hour
// stays, and the error is a *LessError. KeepIfLess refuses if what is known is less by
// more than a second for each GPU (edges may move by that much). OnlyIfMore refuses
// unless more is known.
//
// # Hours with uncovered time
//
// Samples may arrive late. Look also lists the closed hours with uncovered time that are
// to be read again: twice, one hour after they settled and one day after they settled
// (RereadAfter). The caller restates them with OnlyIfMore. It also remembers which
// turns are done; after a restart the latest turn of an hour may be repeated, which
// does no harm.
package closing
