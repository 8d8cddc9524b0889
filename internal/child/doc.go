// Package child runs other programs for tests, benchmarks and the demo: servers
// that must be ready before they are used, and commands that run to their end.
//
// A child ends when this process dies, by whatever way, where the system can see
// to it: Linux sends it a signal. It has a process group of its own, so that a
// Ctrl-C in the terminal leaves it to its parent. The end of what it wrote is
// kept, to be put behind an error.
//
// Waiting is polling of a condition on a tick, bounded by a context: Poll for any
// condition, Child.Await for one that the child is to bring about, so that its
// early end is an error at once.
package child
