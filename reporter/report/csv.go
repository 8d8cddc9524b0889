package report

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WriteCSV writes the table as CSV: RFC 4180 quoting, lines that end with LF,
// UTF-8, a header always. The same table gives the same bytes.
func (t Table) WriteCSV(w io.Writer) error {
	if _, err := io.Copy(w, t.csv()); err != nil {
		return fmt.Errorf("write CSV of the report of %s: %w", t.Spec.Window, err)
	}
	return nil
}

// csvFile is the CSV file of a table. It is written while it is read, so that a
// file of a million rows is never in memory as a whole.
type csvFile struct {
	table   Table
	columns []column
	size    int64 // -1 until it was read to its end

	line   int // the next one, the header is line 0
	row    Row // of this line
	buf    []byte
	rest   []byte // of buf
	offset int64
}

// csvAtOnce is how many bytes are written at least before they are read.
const csvAtOnce = 32 << 10

// CSV is the table as a CSV file, with the bytes that WriteCSV writes. They are
// made while they are read, and again after seeking back.
func (t Table) CSV() io.ReadSeeker { return t.csv() }

func (t Table) csv() *csvFile { return &csvFile{table: t, columns: t.csvColumns(), size: -1} }

func (f *csvFile) Read(p []byte) (int, error) {
	if len(f.rest) == 0 && !f.fill() {
		f.size = f.offset
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	f.offset += int64(n)
	return n, nil
}

// WriteTo spares the copies that Read makes.
func (f *csvFile) WriteTo(w io.Writer) (written int64, err error) {
	for len(f.rest) > 0 || f.fill() {
		n, err := w.Write(f.rest)
		f.rest = f.rest[n:]
		f.offset += int64(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	f.size = f.offset
	return written, nil
}

// Seek goes to another offset. To go back, it writes the file from its beginning.
func (f *csvFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		if f.size < 0 {
			return f.offset, errors.New("the size of the CSV file is not known yet")
		}
		offset += f.size
	}
	if offset < 0 {
		return f.offset, errors.New("seek to before the beginning of the CSV file")
	}
	if offset < f.offset {
		f.line, f.rest, f.offset = 0, nil, 0
	}
	for f.offset < offset && (len(f.rest) > 0 || f.fill()) {
		n := min(offset-f.offset, int64(len(f.rest)))
		f.rest = f.rest[n:]
		f.offset += n
	}
	if f.offset < offset {
		return f.offset, errors.New("seek to behind the end of the CSV file")
	}
	return offset, nil
}

// fill writes the next lines, and reports whether there are any.
func (f *csvFile) fill() bool {
	f.buf = f.buf[:0]
	for ; f.line <= f.table.Len() && len(f.buf) < csvAtOnce; f.line++ {
		if f.line > 0 {
			f.row = f.table.Content.At(f.line - 1)
		}
		for i, c := range f.columns {
			if i > 0 {
				f.buf = append(f.buf, ',')
			}
			if f.line == 0 {
				f.buf = appendCell(f.buf, c.name)
			} else {
				f.buf = c.cell(f.buf, &f.row)
			}
		}
		f.buf = append(f.buf, '\n')
	}
	f.rest = f.buf
	return len(f.rest) > 0
}

// appendCell quotes a text where CSV wants it.
func appendCell(to []byte, text string) []byte {
	if !wantsQuotes(text) {
		return append(to, text...)
	}
	to = append(to, '"')
	for i := range len(text) {
		if text[i] == '"' {
			to = append(to, '"')
		}
		to = append(to, text[i])
	}
	return append(to, '"')
}

// wantsQuotes reports whether a reader would take a text for something else: for
// two cells, for the end of a PostgreSQL file, or without its leading space.
func wantsQuotes(text string) bool {
	if text == "" {
		return false
	}
	first, _ := utf8.DecodeRuneInString(text)
	return text == `\.` || strings.ContainsAny(text, ",\"\r\n") || unicode.IsSpace(first)
}
