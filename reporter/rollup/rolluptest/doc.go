// Package rolluptest has a small fleet with its prices, projects and closed
// hours, for tests of what is made from a rollup.
package rolluptest
