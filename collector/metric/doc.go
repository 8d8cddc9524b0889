// Package metric is the contract between the two halves of gputally: the name,
// type, unit, help text and labels of every family that the collector exposes
// and that the reporter, the dashboards and the alert rules read.
//
// No metric or label name of the collector is spelled in another package.
// Conventions: prefix gputally_, base units (seconds, joules, bytes, watts,
// celsius), ratios from 0 to 1, counters end in _total. Device families and
// container families are separate, so that a sum never counts a GPU twice. An
// unknown value is an absent series, never a zero.
package metric
