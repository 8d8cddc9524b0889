// Package closing keeps the hours of one cluster: it finds the hours that are
// due, reads each from its source, and puts it into the ledger and the index.
// It also reads closed hours again, and keeps neighbouring hours in agreement.
//
// # Closing
//
// An hour is due when it has settled (its end and the settle time are past) and
// the index does not have it. Due lists such hours from a given time on. Look lists
// them from Resume on: from a day ago, or from the end of the last closed hour if that
// is longer ago.
//
// Close first looks into the ledger, because the index may have lost the hour. A
// closed hour is not read again, only put back into the index. Otherwise Close takes
// the stored edges of the previous and the next hour from the ledger, has the source
// read the hour between them, commits the result to the ledger, and puts its record
// into the index. The ledger's PUT of the hour is the commit. A crash before it leaves
// the hour open. A crash after it leaves a closed hour without a record; the next
// Close puts the record into the index. An hour whose object is damaged counts as not
// closed, and is replaced.
//
// CloseAlone is for an hour that seems to have no closed neighbour, such as one
// without samples. It reads the source first, and asks the bucket only if there are
// samples. The hour is the same.
//
// # Edges
//
// Two neighbouring hours share one edge: the value of each counter at the instant
// where they meet. Both hours use the same value, so that nothing between them is
// lost or counted twice. The hour that is closed first takes the value from its
// samples and stores it. The other hour takes over what is stored. This works in
// any order.
//
// Two hours that are closed at the same moment may each store a value of their
// own. CloseAll closes several days at once, so its caller compares the edges
// between days afterwards, and makes them agree: AlignDays.
//
// # Restating
//
// To restate an hour is to read it again and to replace it if it changed. Restate
// does so for a run of consecutive hours, oldest first. The first hour takes its
// opening edge from the samples again, each other hour from the previous hour of
// the run, and all closing edges come from the samples.
//
// The edges at the two ends of the run may then differ from what the neighbours of
// the run have stored. Such a neighbour is read again, too, with the new edge on the
// one side and its stored edge on the other. So the change mostly stops there; if
// the neighbour only carried a GPU's edge on, its other edge changes as well, and
// Restate goes on to the hour beyond. If a neighbour's samples are gone, the
// neighbour stays as it is, and the restated hour takes over its edge. In either case
// the two hours agree.
//
// Before the first hour is replaced, Restate makes sure that all edges which it may
// need can be read. Each hour is replaced as a whole, so an interrupted Restate is
// completed by repeating it. AlignEdges does only the part about neighbours.
//
// # The guard
//
// A server forgets samples. To read an hour again must not make it smaller, so a
// Guard compares how much of the hour the samples account for now with how much the
// stored hour accounts for (Known). Estimated time does not count: a bridge that is
// replaced by counted time makes more known. If the guard refuses, the stored hour
// stays, and the error is a *LessError. KeepIfLess refuses if less is known, up to
// a second for each GPU by which edges may move; OnlyIfMore also refuses if the same
// is known.
//
// # Hours with gaps
//
// Samples may arrive late. Look also lists the closed hours that have uncovered time
// and whose turn has come to be read again: one hour and one day after they settled
// (RereadAfter). The caller restates them with OnlyIfMore. It also remembers which
// turns are done; after a restart the latest turn of an hour may be repeated, which
// does no harm.
package closing
