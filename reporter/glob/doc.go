// Package glob matches names against patterns and says which of two patterns
// is the more specific, so that a price or a project is picked by rule and
// never by the order of a file.
//
// In a pattern, * stands for any run of characters, ? for exactly one, and
// everything else for itself. The empty pattern is the same as *.
package glob
