package config

import (
	"reflect"
	"strings"
)

// Keys lists the keys of each file by their paths, for the test of the documentation.
func Keys() map[string][]string {
	return map[string][]string{
		"gputally.yaml":  pathsOf(reflect.TypeFor[mainFile](), ""),
		"prices.yaml":    pathsOf(reflect.TypeFor[pricesFile](), ""),
		"projects.yaml":  pathsOf(reflect.TypeFor[projectsFile](), ""),
		"schedules.yaml": pathsOf(reflect.TypeFor[schedulesFile](), ""),
	}
}

func pathsOf(t reflect.Type, path string) []string {
	var paths []string
	for _, f := range keysOf(t) {
		at := strings.TrimPrefix(path+"."+f.key, ".")
		inner := t.FieldByIndex(f.index).Type
		if inner.Kind() == reflect.Slice {
			at, inner = at+"[]", inner.Elem()
		}
		switch {
		case inner == reflect.TypeFor[prometheusKeys]() && path != "": // a cluster's, as the main file's own
			paths = append(paths, at)
		case inner == reflect.TypeFor[httpClient]():
			for _, key := range keysOf(reflect.TypeFor[httpClient]().Field(0).Type) {
				paths = append(paths, at+"."+key.key)
			}
		case inner.Kind() == reflect.Struct && len(keysOf(inner)) > 0:
			paths = append(paths, pathsOf(inner, at)...)
		default:
			paths = append(paths, strings.TrimSuffix(at, "[]"))
		}
	}
	return paths
}
