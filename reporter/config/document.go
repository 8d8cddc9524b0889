package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is one file while it is decoded and checked.
type document struct {
	file  string
	nodes map[string]*yaml.Node // path → its value
	wrong map[string]bool       // paths whose values could not be decoded
	errs  Errors
}

// decode reads one YAML document into the struct that out points to. What is
// wrong is in errs; the rest is decoded all the same.
func decode(file string, data []byte, out any) *document {
	d := &document{file: file, nodes: map[string]*yaml.Node{}, wrong: map[string]bool{}}
	var root, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&root); errors.Is(err, io.EOF) || err == nil && (len(root.Content) == 0 || isNull(root.Content[0])) {
		d.errs = append(d.errs, Error{File: file, Line: 1, Column: 1, Message: "the file is empty"})
		return d
	} else if err != nil {
		d.errs = append(d.errs, syntaxError(file, err))
		return d
	}
	d.value(root.Content[0], "", reflect.ValueOf(out).Elem())
	if err := dec.Decode(&more); err == nil {
		d.failAt(&more, "", "a second document begins here: use one file for one document")
	} else if !errors.Is(err, io.EOF) {
		d.errs = append(d.errs, syntaxError(file, err))
	}
	return d
}

// has tells whether the file sets the path.
func (d *document) has(path string) bool {
	n, found := d.nodes[path]
	return found && !isNull(n)
}

// fail notes a problem of a path, unless its value could not be decoded, which
// is noted already. If the file does not have the path, the problem points to
// the nearest thing around it.
func (d *document) fail(path, format string, args ...any) {
	around := d.around(path)
	if !d.wrong[around] {
		d.failAt(d.nodes[around], path, format, args...)
	}
}

// around is the path, or if the file does not have it, the nearest around it.
func (d *document) around(path string) string {
	for path != "" && d.nodes[path] == nil {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return path
}

func (d *document) failAt(n *yaml.Node, path, format string, args ...any) {
	e := Error{File: d.file, Path: path, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Line, e.Column = n.Line, n.Column
	}
	d.errs = append(d.errs, e)
}

// line is where the path is in the file, or the nearest thing around it.
func (d *document) line(path string) int {
	if n := d.nodes[d.around(path)]; n != nil {
		return n.Line
	}
	return 1
}

// sorted returns the problems by place.
func (d *document) sorted() Errors {
	slices.SortStableFunc(d.errs, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return d.errs
}

func syntaxError(file string, err error) Error {
	line, message := cutLine(strings.TrimPrefix(err.Error(), "yaml: "))
	return Error{File: file, Line: line, Message: "not valid YAML: " + message}
}

// cutLine takes the line that the YAML library puts in front of its messages.
func cutLine(message string) (line int, rest string) {
	number, rest, found := strings.Cut(strings.TrimPrefix(message, "line "), ": ")
	line, err := strconv.Atoi(number)
	if !found || err != nil {
		return 0, message
	}
	return line, rest
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
