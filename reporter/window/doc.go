// Package window holds the reporter's notion of time: half-open windows in UTC,
// calendar periods in a time zone, and the settle delay after the end of a period.
//
// A window contains its first instant and not its last, so that windows that
// touch share nothing and leave nothing out. Time zones exist only here, at the
// edge: a day in Europe/Berlin becomes a window of 23, 24 or 25 hours in UTC.
package window
