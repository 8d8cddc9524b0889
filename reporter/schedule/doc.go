// Package schedule decides what is due: which scheduled reports and which
// hours, given what is done already and what time it is.
//
// A schedule names a calendar period and a cron line in one time zone. A period
// is released when it has ended, its settle delay has passed and the cron line
// has fired at or after its end. It is due when it is released and not done.
// Nothing is remembered between two decisions, so that a reporter that was down
// for a month, or a second replica, comes to the same answer: the cron line
// never starts anything, it only holds a report back until the time at which
// people expect it.
//
// Clocks that are put forward skip some times of day. A cron line that names
// such a time fires when the clock has been put forward. A time that comes
// twice when clocks go back counts the first time.
//
// This is the only package that imports the cron parser.
package schedule
