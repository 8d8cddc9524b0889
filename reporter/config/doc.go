// Package config reads the reporter's YAML files into typed values.
//
// It is strict: a key that it does not know, a key given twice, and a value of
// the wrong kind are errors. All problems of all files come back at once as
// Errors, each with file, line, column and the path of the field. What only a
// part of the domain can judge, such as two prices for one GPU, is judged by
// that part; config adds the place in the file to its error.
//
// A file is parsed into a tree of nodes with places, and the tree is decoded
// into structs by their yaml tags. The place of every path is remembered, so
// that a check made later, on the typed values, can still point at its line.
//
// Credentials are never in an error or in a printed Config.
package config
