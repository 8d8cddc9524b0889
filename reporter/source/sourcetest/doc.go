// Package sourcetest tests a source profile against what source.Source says. The
// profile's test renders a Scenario as its exporter would show it, and Run closes
// windows of it.
package sourcetest
