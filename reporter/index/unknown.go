package index

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// unknown are the fields of a JSON object that this version does not know, by
// name: as they are (json.RawMessage), or the unknown fields of a known object
// (unknown). A later version has written them.
type unknown map[string]any

// unknownOf finds the fields of a JSON object that a struct does not have.
func unknownOf(t reflect.Type, object json.RawMessage) unknown {
	var there map[string]json.RawMessage
	if t.Kind() != reflect.Struct || !bytes.HasPrefix(bytes.TrimSpace(object), []byte("{")) || json.Unmarshal(object, &there) != nil {
		return nil
	}
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			known[name] = t.Field(i).Type
		}
	}
	found := unknown{}
	for name, value := range there {
		if field, ok := known[name]; !ok {
			found[name] = value
		} else if inner := unknownOf(field, value); len(inner) > 0 {
			found[name] = inner
		}
	}
	return found
}

// in is a JSON object with the fields, all sorted by their names.
func (u unknown) in(object json.RawMessage) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, err
	}
	fields, err := u.addTo(fields)
	if err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// addTo adds the fields to those of a JSON object.
func (u unknown) addTo(fields map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	for name, value := range u {
		switch value := value.(type) {
		case json.RawMessage:
			fields[name] = value
		case unknown:
			inner, err := value.in(fields[name])
			if err != nil {
				return nil, err
			}
			fields[name] = inner
		}
	}
	return fields, nil
}

// fieldsOf are the fields that a value has as a JSON object.
func fieldsOf(value any) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(data, &fields)
}
