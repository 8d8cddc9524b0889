// Package quota knows the organisation that uses the fleet: projects and
// departments, the namespaces that are theirs, node pools, and dated quotas.
// It says whose a namespace is and how much of a quota was used, exceeded and
// left.
//
// The words are Run:ai's: deserved is what a project may rely on, limit is
// what it can't exceed, over quota is what it borrows beyond the deserved.
//
// # Whose a namespace is
//
// Of the patterns that match, the most specific decides (package glob): first
// by namespace, among equals by cluster. An exact name beats every pattern.
// Two projects whose patterns match the same name equally well are an error of
// the file, so its order decides nothing. A pattern may be a project's for a
// time only; what counts is the instant at which time was used, so that a report
// of the past has the owners of the past. Node pools are found the same way,
// first by node, then by model.
//
// # Used, over and left
//
// A quota holds for a scope: one node pool, or with no node pool named all of
// them together; a project uses one of the two forms at a time. At each
// instant the share held beyond the deserved is over quota, also when the same
// project uses less later: over = ∫ max(0, allocated − deserved) dt, and left =
// max(0, ∫ deserved dt − (allocated − over)). A project with quotas deserves
// nothing in a node pool that none of them names. A project without any quota
// has no figures.
//
// The integral is exact. Every segment counts with its metered GPU-
// milliseconds, spread evenly over the time for which it was held. Its share at
// an instant is rounded down to a billionth of a GPU, and the remainder is spread
// over the first milliseconds of the segment, so that within and over quota add
// up to what was metered. Deserved is thousandths of a GPU
// times milliseconds. Both are rounded to GPU-milliseconds, half to even, once
// per project and scope; every total is a sum of those.
package quota
