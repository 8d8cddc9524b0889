// Package metric is the catalogue of what the reporter exposes about the
// closed hours and about itself: names, types, units, help and labels, for the
// reporter, the dashboards and the alert rules.
package metric
