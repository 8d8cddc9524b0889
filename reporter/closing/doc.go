// Package closing keeps the hours of one cluster: it finds the hours that are
// due, reads each from its source, and puts it into the ledger and the index.
// It also reads closed hours again, and keeps neighbouring hours in agreement.
//
// # Closing
//
// An hour is due when it has settled (its end and the settle time are past) and
// the index does not have it: Due. Close looks into the ledger, because the index
// may have lost the hour; a closed hour is only noted in the index. Otherwise it
// reads the hour from the source together with the edges of the previous and the
// next hour, commits the result to the ledger, and notes it in the index. The
// ledger's PUT is the commit. A crash before it leaves the hour open; a crash
// after it leaves a closed hour that the next Close notes in the index.
//
// Most hours that stay due have no samples: the cluster is new, or was down. Due
// marks an hour as alone if neither it nor a neighbour is in the ledger, which it
// lists once for all such hours. CloseAlone then reads the source first and asks
// the bucket nothing if there are no samples.
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
// between days afterwards: AlignDays.
//
// # Restating
//
// To restate an hour is to read it again and to replace it if it changed. Its
// edges are then taken from the samples again, and may differ from what its
// neighbours store. Such a neighbour is read again too, with the new edge on the
// one side and its stored edge on the other side. If the neighbour's samples are
// gone, it stays as it is, and the restated hour takes over the neighbour's edge.
// Either way the two agree. Before the first hour is replaced, Restate makes sure
// that all edges which it may need can be read.
//
// # The guard
//
// A server forgets samples. To read an hour again must not make it smaller, so a
// Guard compares how much of the hour the samples know now with how much the
// ledger knows of it (Known). If the guard refuses, the hour stays and the error
// is a *LessError.
//
// # Hours with gaps
//
// Samples may arrive late. Look also lists closed hours with gaps that are to be
// read again, one hour and one day after they settled.
package closing
