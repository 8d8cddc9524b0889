package command

// Explain says why a report is outdated, and how to make it again.
var Explain = explain
