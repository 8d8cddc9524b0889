package config

import (
	"errors"
	"net/url"
	"reflect"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

// httpClient is Prometheus' own configuration of an HTTP client, decoded by
// its library. The keys are checked before, because the library would drop an
// unknown one and knows no places.
type httpClient struct {
	promconfig.HTTPClientConfig
}

func (c *httpClient) decodeNode(d *document, n *yaml.Node, path string) {
	problems := len(d.errs)
	d.shape(n, path, reflect.TypeFor[promconfig.HTTPClientConfig]())
	if len(d.errs) > problems {
		return
	}
	err := n.Decode(&c.HTTPClientConfig)
	if mismatch := (*yaml.TypeError)(nil); errors.As(err, &mismatch) {
		for _, message := range mismatch.Errors {
			line, message := cutLine(message)
			d.errs = append(d.errs, Error{File: d.file, Line: line, Path: path, Message: message})
		}
	} else if err != nil {
		d.fail(path, "%s", withoutSecrets(err))
	}
}

// withoutSecrets shortens errors that quote a URL, which may have a password.
func withoutSecrets(err error) string {
	if badURL := (*url.Error)(nil); errors.As(err, &badURL) {
		return "a URL in it cannot be parsed"
	}
	return strings.TrimPrefix(err.Error(), "yaml: ")
}

// shape checks keys and kinds of a node that the library decodes.
func (d *document) shape(n *yaml.Node, path string, t reflect.Type) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	d.nodes[path] = n
	switch {
	case isNull(n), t.Kind() == reflect.Interface:
	case t == reflect.TypeFor[promconfig.URL]():
		d.is(n, path, yaml.ScalarNode)
	case t == reflect.TypeFor[promconfig.Headers]():
		d.eachKey(n, path, func(_, value *yaml.Node, at string) {
			d.shape(value, at, reflect.TypeFor[promconfig.Header]())
		})
	case t.Kind() == reflect.Struct:
		fields := keysOf(t)
		d.eachKey(n, path, func(key, value *yaml.Node, at string) {
			for _, f := range fields {
				if f.key == key.Value {
					d.shape(value, at, t.FieldByIndex(f.index).Type)
					return
				}
			}
			d.failAt(key, at, "unknown key%s", suggestion(key.Value, fields))
		})
	case t.Kind() == reflect.Map:
		d.eachKey(n, path, func(_, value *yaml.Node, at string) { d.shape(value, at, t.Elem()) })
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode: // one value is a list of one
		for _, item := range n.Content {
			d.is(item, path, yaml.ScalarNode)
		}
	default:
		d.is(n, path, yaml.ScalarNode)
	}
}
