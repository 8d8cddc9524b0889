// Package usage turns the collector's raw samples into segments: who held
// which GPU from when to when, and what was done with it. It extrapolates
// nothing and says what it does not know.
package usage
