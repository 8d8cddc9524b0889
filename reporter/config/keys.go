package config

import (
	"reflect"
	"strings"
)

// field is a key of a struct and where its value goes.
type field struct {
	key   string
	index []int
}

// keysOf returns the keys of a struct by its yaml tags, in the order of the
// fields, those of inlined structs with them.
func keysOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, tagged := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case tagged && options == "inline" && f.Type.Kind() == reflect.Struct:
			for _, inner := range keysOf(f.Type) {
				fields = append(fields, field{inner.key, append([]int{i}, inner.index...)})
			}
		case key != "" && key != "-":
			fields = append(fields, field{key, []int{i}})
		}
	}
	return fields
}

// suggestion names the key that was probably meant, or all if none is near.
func suggestion(wrong string, fields []field) string {
	best, keys := "", make([]string, len(fields))
	least := max(len(wrong)/3, 1) + 1
	for i, f := range fields {
		keys[i] = f.key
		if n := distance(wrong, f.key); n < least {
			best, least = f.key, n
		}
	}
	if best != "" {
		return ": did you mean " + best + "?"
	}
	return ": use one of " + strings.Join(keys, ", ")
}

// distance is the number of bytes to insert, delete or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
