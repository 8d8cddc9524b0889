// Package demo is the whole pipeline on one machine with nothing installed but
// a Prometheus: a few simulated nodes with thirty days of history, their
// collectors going on live, a real Prometheus that scrapes them, and the
// reporter on a folder.
//
// The history is not invented: the simulated pods are played to the real meter
// on a simulated clock, and what it counted is written as Prometheus would have
// scraped it. The same meters then go on with the real clock.
package demo
