package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// version counts the incompatible changes of the index's objects.
const version = 1

// document is an object of the index.
type document[R comparable] struct {
	Records []R    `json:"records"`
	Token   string `json:"token"` // new with every write
	Updated string `json:"updated,omitempty"`
	Version int    `json:"version"`

	// Fields that only a later version knows. They are written again.
	unknown  unknown       // of the document
	unknowns map[R]unknown // of records
}

// encode writes the document as JSON with sorted keys, a record a line. The
// keys are sorted because the fields of document and of the records are.
func encode[R comparable](d document[R]) ([]byte, error) {
	records := d.Records
	d.Records = []R{}
	fields, err := fieldsOf(d)
	if err != nil {
		return nil, err
	}
	if fields, err = d.unknown.addTo(fields); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	between := byte('{')
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out.WriteByte(between)
		between = ','
		fmt.Fprintf(&out, "%q:", name)
		if name != "records" {
			out.Write(fields[name])
			continue
		}
		if err := d.encodeRecords(&out, records); err != nil {
			return nil, err
		}
	}
	out.WriteString("}\n")
	return out.Bytes(), nil
}

func (d *document[R]) encodeRecords(out *bytes.Buffer, records []R) error {
	out.WriteByte('[')
	for i, r := range records {
		if i > 0 {
			out.WriteByte(',')
		}
		line, err := json.Marshal(r)
		if u := d.unknowns[r]; err == nil && len(u) > 0 {
			line, err = u.in(line)
		}
		if err != nil {
			return err
		}
		out.WriteByte('\n')
		out.Write(line)
	}
	out.WriteString("\n]")
	return nil
}

// decode reads what encode writes, and nothing else: no field may be missing or
// of another type. Fields that this version does not know are kept.
// Errors: *RecordError, *VersionError.
func decode[R comparable](key string, data []byte) (document[R], error) {
	var known struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &known); err == nil && known.Version > version {
		return document[R]{}, &VersionError{key, known.Version}
	}
	var d document[R]
	in := json.NewDecoder(bytes.NewReader(data))
	if err := in.Decode(&d); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return d, &RecordError{key, wrong.Field, fmt.Errorf("is a %s", wrong.Value)}
		}
		return d, &RecordError{Key: key, Err: err}
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return d, &RecordError{Key: key, Err: errors.New("there is more behind the document")}
	}
	if d.Version != version {
		return d, &RecordError{key, "version", fmt.Errorf("is %d, not %d", d.Version, version)}
	}
	again, err := encode(d)
	if err == nil && !bytes.Equal(again, data) { // a later version may have written it
		d.keepUnknown(data)
		again, err = encode(d)
	}
	if err != nil {
		return d, &RecordError{Key: key, Err: err}
	}
	if !bytes.Equal(again, data) {
		return d, changed(key, data, again)
	}
	return d, nil
}

// keepUnknown finds the fields of data that this version does not know. Data has
// been decoded.
func (d *document[R]) keepUnknown(data []byte) {
	d.unknown = unknownOf(reflect.TypeFor[document[R]](), data)
	var raw struct {
		Records []json.RawMessage `json:"records"`
	}
	if json.Unmarshal(data, &raw) != nil || len(raw.Records) != len(d.Records) {
		return
	}
	d.unknowns = map[R]unknown{}
	for i, r := range d.Records {
		if u := unknownOf(reflect.TypeFor[R](), raw.Records[i]); len(u) > 0 {
			d.unknowns[r] = u
		}
	}
}

// changed names the field in which an object is not as it would be written.
// White space alone is no difference.
func changed(key string, there, again []byte) error {
	var a, b any
	if err := errors.Join(json.Unmarshal(there, &a), json.Unmarshal(again, &b)); err != nil {
		return &RecordError{Key: key, Err: err}
	}
	if field := difference("", a, b); field != "" {
		return &RecordError{key, field, errors.New("is missing, or not as this program writes it")}
	}
	return nil
}

// difference is the path of the first field in which two trees differ, or "".
func difference(path string, a, b any) string {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			return path
		}
		fields := maps.Clone(a)
		maps.Copy(fields, b)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if d := difference(strings.TrimPrefix(path+"."+name, "."), a[name], b[name]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return path
		}
		for i := range a {
			if d := difference(fmt.Sprintf("%s[%d]", path, i), a[i], b[i]); d != "" {
				return d
			}
		}
		return ""
	default:
		if a != b {
			return path
		}
		return ""
	}
}
