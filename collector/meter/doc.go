// Package meter turns observations into monotonic seconds.
//
// A poll sees the node at one instant: which GPUs there are, what they do, and
// who holds which share of them. Between two polls the meter charges the time
// to what the earlier poll saw: a container begins to be charged with the first
// poll that sees it and ends with the first that does not, so that each end is
// off by at most one poll interval and the two errors cancel on average.
// Activity and energy are read from the later poll, because the driver reports
// them about the time just passed.
//
// Time is measured, never assumed: each poll adds the monotonic time since the
// previous poll, but no more than MaxGap after the last poll that knew both GPUs
// and holders. What lies beyond (a stall, a suspend, a kubelet that does not
// answer) is charged to nobody and counted as unobserved, and so is the time from
// the start to the first such poll, unless the very first poll is one.
//
// Every physical GPU's second goes to exactly one place. A GPU that does not
// answer is unavailable, as a whole. Else its holders get it by share; what is
// held by nobody knows whom is unattributed, and the rest is unallocated. The four
// states are integrals of their own, not remainders.
//
// What a container did is read from what it has to itself: its MIG instances,
// else the GPU, else its processes, if the owners of all processes there are
// known. Where they are, a stranger's work (of a process whose owner holds
// nothing of the GPU) is the stranger's, also where the container has the GPU to
// itself; and where the GPU works and no listed process does, somebody works who
// is not listed, so that nobody is known to be idle. Busy time is the difference
// of the driver's own integral where it has one, utilization × time otherwise.
// The energy of a shared GPU is divided by active share. Where any of these is
// missing, what the container did is unknown: its observed time stands still.
//
// A pod may be clear while its UID is pending (device.Stay). It is metered then, and
// its holdings are shown once the UID is known, under that, from when the pod was
// first seen; or without one when the pod ends or the wait is over. A series that has
// been shown never changes its name, since it would be counted twice.
//
// Quantities are integrals of step functions. An integral keeps its current
// rate and the time for which it has held, and folds them into its base only
// when the rate changes: so many small steps and one big step between two
// events give the same number to the last bit, and a counter never falls.
//
// Counters start at zero in each process and nothing is restored; the start
// times on the snapshot say when each counter began.
package meter
