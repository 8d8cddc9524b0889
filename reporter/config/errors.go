package config

import (
	"fmt"
	"strings"
)

// Error is one problem of one file.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 if the problem is of the whole file
	Path         string // "schedules[0].cron", "" if the problem is of no field
	Message      string
}

// Error formats the problem as file:line:column: path: message.
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	b.WriteString(": " + e.Message)
	return b.String()
}

// Errors are all problems of a configuration, by file in the order in which
// they are read, and by place.
type Errors []Error

// Error formats the problems one on a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}
