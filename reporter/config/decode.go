package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A nodeDecoder decodes and checks its node itself.
type nodeDecoder interface {
	decodeNode(d *document, n *yaml.Node, path string)
}

// value decodes a node into v by v's type. A null leaves v as it is.
func (d *document) value(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.nodes[path] = n
	if isNull(n) {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch t := v.Addr().Interface().(type) {
	case nodeDecoder:
		t.decodeNode(d, n, path)
		return
	case encoding.TextUnmarshaler:
		d.scalar(n, path, func(text string) error { return t.UnmarshalText([]byte(text)) })
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.textMap(n, path, v)
	case reflect.Slice:
		if d.is(n, path, yaml.SequenceNode) {
			v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
			for i, item := range n.Content {
				d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		}
	case reflect.String:
		d.scalar(n, path, func(text string) error { v.SetString(text); return nil })
	case reflect.Bool:
		d.scalar(n, path, func(text string) error {
			if text != "true" && text != "false" {
				return fmt.Errorf("%q is neither true nor false", text)
			}
			v.SetBool(text == "true")
			return nil
		})
	case reflect.Int:
		d.scalar(n, path, func(text string) error {
			i, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%q is not a whole number", text)
			}
			v.SetInt(int64(i))
			return nil
		})
	case reflect.Float64:
		d.scalar(n, path, func(text string) error {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("%q is not a number", text)
			}
			v.SetFloat(f)
			return nil
		})
	default:
		panic(fmt.Sprintf("config: no decoder for %s", v.Type())) // a mistake in this package's structs
	}
}

// structure decodes a mapping whose keys are the struct's.
func (d *document) structure(n *yaml.Node, path string, v reflect.Value) {
	fields := keysOf(v.Type())
	d.eachKey(n, path, func(key, value *yaml.Node, at string) {
		for _, f := range fields {
			if f.key == key.Value {
				d.value(value, at, v.FieldByIndex(f.index))
				return
			}
		}
		d.failAt(key, at, "unknown key%s", suggestion(key.Value, fields))
	})
}

func (d *document) textMap(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.eachKey(n, path, func(key, value *yaml.Node, at string) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, at, item)
		v.SetMapIndex(reflect.ValueOf(key.Value), item)
	})
}

// eachKey calls f for the keys of a mapping, the first of equal ones.
func (d *document) eachKey(n *yaml.Node, path string, f func(key, value *yaml.Node, at string)) {
	if !d.is(n, path, yaml.MappingNode) {
		return
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		switch earlier, again := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.failAt(key, path, "a key must be a word")
		case key.ShortTag() == "!!merge":
			d.failAt(key, path, "merge keys (<<) are not supported: write the keys out")
		case again:
			d.failAt(key, at, "is here twice, first on line %d", earlier.Line)
		default:
			first[key.Value] = key
			f(key, n.Content[i+1], at)
		}
	}
}

func (d *document) scalar(n *yaml.Node, path string, parse func(string) error) {
	if !d.is(n, path, yaml.ScalarNode) {
		return
	}
	if err := parse(n.Value); err != nil {
		d.failAt(n, path, "%s", err)
		d.wrong[path] = true
	}
}

// is tells whether the node is of the kind, and notes it if not. It does not
// quote the node, which may be a secret in the wrong place.
func (d *document) is(n *yaml.Node, path string, kind yaml.Kind) bool {
	if n.Kind == kind {
		return true
	}
	names := map[yaml.Kind]string{yaml.MappingNode: "a mapping of keys", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}
	d.failAt(n, path, "must be %s, not %s", names[kind], names[n.Kind])
	d.wrong[path] = true
	return false
}
