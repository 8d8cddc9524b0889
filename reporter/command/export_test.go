package command

// Explain says why a report is outdated, and how to make it again.
var Explain = explain

// DaysBack finds how many days back there is something.
var DaysBack = daysBack

// Search finds the parts of a window that have something.
var Search = search
