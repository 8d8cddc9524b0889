package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// schemaVersion counts incompatible changes of columns and footer. A column
// that is added is none: readers pass over columns that they don't know.
const schemaVersion = 1

// footer is the key-value metadata of an object.
type footer struct {
	Cluster    string
	Window     window.Window
	Revision   int
	Source     string
	Road       string
	Exceptions []usage.Exception
	Coverage   usage.Coverage
	Writer     string
}

// coverageFields names the parts of a coverage in the order of their footer keys.
func coverageFields(c *usage.Coverage) []struct {
	key   string
	value *int64
} {
	return []struct {
		key   string
		value *int64
	}{
		{"gputally.expected_ms", &c.Expected},
		{"gputally.allocated_ms", &c.Allocated},
		{"gputally.unallocated_ms", &c.Unallocated},
		{"gputally.unattributed_ms", &c.Unattributed},
		{"gputally.unavailable_ms", &c.Unavailable},
		{"gputally.uncovered_ms", &c.Uncovered},
		{"gputally.estimated_ms", &c.Estimated},
		{"gputally.residue_ms", &c.Residue},
		{"gputally.absent_ms", &c.Absent},
	}
}

// pairs gives the metadata of the footer.
func (f footer) pairs() (map[string]string, error) {
	exceptions := f.Exceptions
	if exceptions == nil {
		exceptions = []usage.Exception{}
	}
	texts, err := json.Marshal(exceptions)
	if err != nil {
		return nil, fmt.Errorf("encode exceptions: %w", err)
	}
	pairs := map[string]string{
		"gputally.schema":     strconv.Itoa(schemaVersion),
		"gputally.cluster":    f.Cluster,
		"gputally.from":       f.Window.From.Format(time.RFC3339),
		"gputally.to":         f.Window.To.Format(time.RFC3339),
		"gputally.revision":   strconv.Itoa(f.Revision),
		"gputally.source":     f.Source,
		"gputally.road":       f.Road,
		"gputally.exceptions": string(texts),
		"gputally.writer":     f.Writer,
	}
	for _, field := range coverageFields(&f.Coverage) {
		pairs[field.key] = strconv.FormatInt(*field.value, 10)
	}
	return pairs, nil
}

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

func (r *footerReader) note(key string, err error) {
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("footer %s: %w", key, err))
	}
}

// parseFooter reads what pairs writes.
func parseFooter(lookup func(key string) (string, bool)) (footer, error) {
	r := &footerReader{lookup: lookup}
	if schema := r.number("gputally.schema"); len(r.errs) == 0 && schema != schemaVersion {
		return footer{}, &SchemaError{Schema: schema}
	}
	f := footer{
		Cluster:  r.text("gputally.cluster"),
		Window:   window.Window{From: r.instant("gputally.from"), To: r.instant("gputally.to")},
		Revision: int(r.number("gputally.revision")),
		Source:   r.text("gputally.source"),
		Road:     r.text("gputally.road"),
		Writer:   r.text("gputally.writer"),
	}
	r.note("gputally.exceptions", json.Unmarshal([]byte(r.text("gputally.exceptions")), &f.Exceptions))
	if len(f.Exceptions) == 0 {
		f.Exceptions = nil
	}
	for _, field := range coverageFields(&f.Coverage) {
		*field.value = r.number(field.key)
	}
	if f.Revision < 1 {
		r.errs = append(r.errs, fmt.Errorf("footer gputally.revision is %d", f.Revision))
	}
	return f, errors.Join(r.errs...)
}
