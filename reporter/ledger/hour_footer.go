package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// schemaVersion counts incompatible changes of columns and footer. A column
// that is added is none: readers pass over columns that they don't know.
const schemaVersion = 1

// footer is the key-value metadata of an hour.
type footer struct {
	Cluster  string
	Window   window.Window
	Revision int
	Source   string
	Road     string
	Findings []usage.Finding
	findings string // as the object has them, "" for one that is to be written
	Coverage usage.Coverage
	Rows     string // digest of the rows
	Opening  string // digest of the edges at the hour's begin, "" if there are none
	Closing  string // of those at its end
	Writer   string
	// Rest are the pairs that this version does not know: a later one has written
	// them. Whoever copies the hour keeps them.
	Rest map[string]string
}

// says tells whether two footers say the same of an hour, rows and edges
// included. The revision, the writer and the road don't matter: by another road
// the same samples come.
func (f footer) says(o footer) bool {
	return f.Source == o.Source && f.Coverage == o.Coverage &&
		slices.EqualFunc(f.Findings, o.Findings, usage.Finding.Equal) &&
		f.Rows == o.Rows && f.Opening == o.Opening && f.Closing == o.Closing
}

// knowsEdges tells whether an hour without an edge at an instant has seen that there
// is none. An hour with rows and no edges at all was closed without them. An hour
// without rows saw nothing that would have edges.
func (f footer) knowsEdges() bool {
	return f.Opening != "" || f.Closing != "" || f.Rows == checksum.SHA256(nil)
}

// coverageKey is the footer key of an amount of a coverage.
func coverageKey(f usage.CoverageField) string { return "gputally." + f.Name + "_ms" }

// pairs gives the metadata of the footer.
func (f footer) pairs() (map[string]string, error) {
	findings, err := f.findingsText()
	if err != nil {
		return nil, err
	}
	pairs := frame(f.Cluster, f.Window, f.Writer)
	maps.Copy(pairs, f.Rest)
	pairs["gputally.revision"] = strconv.Itoa(f.Revision)
	pairs["gputally.source"] = f.Source
	pairs["gputally.road"] = f.Road
	pairs["gputally.exceptions"] = findings
	pairs["gputally.rows_sha256"] = f.Rows
	if f.Opening != "" {
		pairs["gputally.opening_edges"] = f.Opening
	}
	if f.Closing != "" {
		pairs["gputally.closing_edges"] = f.Closing
	}
	for _, field := range f.Coverage.Fields() {
		pairs[coverageKey(field)] = strconv.FormatInt(*field.Millis, 10)
	}
	return pairs, nil
}

// findingsText encodes the findings. Those that were read stay as they were,
// byte for byte: earlier versions wrote sentences for codes.
func (f footer) findingsText() (string, error) {
	if f.findings != "" {
		return f.findings, nil
	}
	if len(f.Findings) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(f.Findings)
	if err != nil {
		return "", fmt.Errorf("encode findings: %w", err)
	}
	return string(text), nil
}

// frame is what the footer of every object says.
func frame(cluster string, w window.Window, writer string) map[string]string {
	return map[string]string{
		"gputally.schema":  strconv.Itoa(schemaVersion),
		"gputally.cluster": cluster,
		"gputally.from":    instant(w.From),
		"gputally.to":      instant(w.To),
		"gputally.writer":  writer,
	}
}

// instant writes a time as footers do.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// footerReader reads values by key and collects what is wrong with them.
type footerReader struct {
	lookup func(key string) (string, bool)
	errs   []error
}

func (r *footerReader) text(key string) string {
	value, ok := r.lookup(key)
	if !ok {
		r.errs = append(r.errs, fmt.Errorf("footer lacks %s", key))
	}
	return value
}

func (r *footerReader) number(key string) int64 {
	n, err := strconv.ParseInt(r.text(key), 10, 64)
	r.note(key, err)
	return n
}

func (r *footerReader) instant(key string) time.Time {
	t, err := time.Parse(time.RFC3339, r.text(key))
	r.note(key, err)
	return t.UTC()
}

// sum reads a SHA-256; an optional one may be missing.
func (r *footerReader) sum(key string, optional bool) string {
	value, ok := r.lookup(key)
	if ok && !checksum.Is(value) || !ok && !optional {
		r.errs = append(r.errs, fmt.Errorf("footer %s is %q, no SHA-256", key, value))
	}
	return value
}

// frame reads what frame writes, and the writer.
func (r *footerReader) frame() (cluster string, w window.Window, writer string) {
	if schema := r.number("gputally.schema"); len(r.errs) == 0 && schema != schemaVersion {
		r.errs = append(r.errs, &SchemaError{Schema: schema})
		return "", window.Window{}, ""
	}
	return r.text("gputally.cluster"),
		window.Window{From: r.instant("gputally.from"), To: r.instant("gputally.to")},
		r.text("gputally.writer")
}

// err is all that was wrong. Errors: *SchemaError, others.
func (r *footerReader) err() error { return errors.Join(r.errs...) }

func (r *footerReader) note(key string, err error) {
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("footer %s: %w", key, err))
	}
}

// parseFooter reads what pairs writes.
func parseFooter(pairs map[string]string) (footer, error) {
	r := &footerReader{lookup: func(key string) (string, bool) {
		value, ok := pairs[key]
		return value, ok
	}}
	var f footer
	if f.Cluster, f.Window, f.Writer = r.frame(); r.err() != nil {
		return footer{}, r.err()
	}
	f.Revision = int(r.number("gputally.revision"))
	f.Source, f.Road = r.text("gputally.source"), r.text("gputally.road")
	f.Rows = r.sum("gputally.rows_sha256", false)
	f.Opening, f.Closing = r.sum("gputally.opening_edges", true), r.sum("gputally.closing_edges", true)
	f.findings = r.text("gputally.exceptions")
	findings, err := usage.DecodeFindings([]byte(f.findings))
	r.note("gputally.exceptions", err)
	if len(findings) > 0 {
		f.Findings = findings
	}
	for _, field := range f.Coverage.Fields() {
		*field.Millis = r.number(coverageKey(field))
	}
	if f.Revision < 1 {
		r.errs = append(r.errs, fmt.Errorf("footer gputally.revision is %d", f.Revision))
	}
	if err := r.err(); err != nil {
		return f, err
	}
	known, err := f.pairs()
	f.Rest = maps.Clone(pairs)
	maps.DeleteFunc(f.Rest, func(key, _ string) bool {
		_, ok := known[key]
		return ok
	})
	return f, err
}
