// Package schedules holds the schedules that gputally ships with and that a
// reporter follows unless its configuration names a file of its own.
package schedules
