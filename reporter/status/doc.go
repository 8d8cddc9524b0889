// Package status keeps what the service shows of itself: how far each cluster's
// hours are closed, what failed, which reports were made, and the figures per
// project. It shows them as metrics and on a page.
//
// Whoever does the work reports it here by a method call that does no more than
// remember it. What is not known is absent from the metrics, never zero; counters
// of what this process does begin at zero.
package status
