package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/window"
)

// dayFooter is the key-value metadata of a day.
type dayFooter struct {
	Cluster string
	Window  window.Window
	Hours   []dayHour // oldest first
	Writer  string
}

// dayHour is what the footer of a day says of one of its hours.
type dayHour struct {
	// Footer is that of the hour's own object, but for the seal.
	Footer map[string]string `json:"footer"`
	Rows   int64             `json:"rows"`
	// SHA256 and Size, in bytes, are of the hour's own object.
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

func (f *file) dayHour() (dayHour, error) {
	pairs, err := f.footer.pairs()
	return dayHour{Footer: pairs, Rows: f.entry.Rows, SHA256: f.entry.SHA256, Size: f.entry.Size}, err
}

// pairs gives the metadata of the footer.
func (f dayFooter) pairs() (map[string]string, error) {
	hours, err := json.Marshal(f.Hours)
	if err != nil {
		return nil, fmt.Errorf("encode hours: %w", err)
	}
	missing, err := json.Marshal(instants(f.missing()))
	if err != nil {
		return nil, fmt.Errorf("encode missing hours: %w", err)
	}
	pairs := frame(f.Cluster, f.Window, f.Writer)
	pairs["gputally.hours"], pairs["gputally.missing"] = string(hours), string(missing)
	return pairs, nil
}

// missing are the hours of the day that it does not hold.
func (f dayFooter) missing() []window.Window {
	there := map[string]bool{}
	for _, h := range f.Hours {
		there[h.Footer["gputally.from"]] = true
	}
	var missing []window.Window
	for hour := range f.Window.Hours() {
		if !there[instant(hour.From)] {
			missing = append(missing, hour)
		}
	}
	return missing
}

// instants are the begins of the hours, as footers write them.
func instants(hours []window.Window) []string {
	texts := make([]string, len(hours))
	for i, hour := range hours {
		texts[i] = instant(hour.From)
	}
	return texts
}

// day is an object of the daily table, opened.
type day struct {
	object bucket.Object
	sha256 string
	footer dayFooter
	hours  []*file // as the footer lists them
}

// hour finds an hour of the day.
func (d *day) hour(hour window.Window) (*file, bool) {
	for _, f := range d.hours {
		if f.footer.Window == hour {
			return f, true
		}
	}
	return nil, false
}

// openDay opens the object of a day. Errors: *CorruptError, *SchemaError.
func (r *raw) openDay(cluster string, w window.Window) (*day, error) {
	opened, err := sealed.OpenSegments(r.data)
	if err != nil {
		return nil, damaged(r.object.Key, cluster, w, cause(err))
	}
	d := &day{object: r.object, sha256: opened.SHA256}
	d.footer, d.hours, err = parseDay(opened)
	if err == nil && (d.footer.Cluster != cluster || d.footer.Window != w) {
		err = fmt.Errorf("it holds %s of cluster %s", d.footer.Window, d.footer.Cluster)
	}
	if err != nil {
		return nil, damaged(r.object.Key, cluster, w, err)
	}
	for _, f := range d.hours {
		f.object = r.object.Key
	}
	return d, nil
}

// parseDay reads a day's footer and gives each hour the row groups that are its.
func parseDay(opened *sealed.File) (dayFooter, []*file, error) {
	r := &footerReader{lookup: opened.Lookup}
	var f dayFooter
	if f.Cluster, f.Window, f.Writer = r.frame(); r.err() != nil {
		return f, nil, r.err()
	}
	r.note("gputally.hours", json.Unmarshal([]byte(r.text("gputally.hours")), &f.Hours))
	var missing []string
	r.note("gputally.missing", json.Unmarshal([]byte(r.text("gputally.missing")), &missing))
	if r.err() != nil {
		return f, nil, r.err()
	}
	rows := opened.Rows()
	var hours []*file
	for i, h := range f.Hours {
		hour, err := h.file()
		if err == nil && (hour.footer.Cluster != f.Cluster || dayOf(hour.footer.Window.From) != f.Window) {
			err = fmt.Errorf("is %s of cluster %s", hour.footer.Window, hour.footer.Cluster)
		}
		if err == nil && i > 0 && !hours[i-1].footer.Window.From.Before(hour.footer.Window.From) {
			err = errors.New("comes before the one before it")
		}
		if err == nil {
			hour.rows, rows, err = rows.Take(h.Rows)
		}
		if err != nil {
			return f, nil, fmt.Errorf("footer gputally.hours: hour %d: %w", i, err)
		}
		hours = append(hours, hour)
	}
	if rows.Count() > 0 {
		return f, nil, errors.New("footer gputally.hours: there are rows of no hour")
	}
	if want := instants(f.missing()); !slices.Equal(missing, want) {
		return f, nil, fmt.Errorf("footer gputally.missing is %q and should be %q", missing, want)
	}
	return f, hours, nil
}

// file is the hour without its rows.
func (h dayHour) file() (*file, error) {
	foot, err := parseFooter(func(key string) (string, bool) {
		value, ok := h.Footer[key]
		return value, ok
	})
	if err != nil {
		return nil, err
	}
	if err := checkHour(foot.Cluster, foot.Window); err != nil {
		return nil, err
	}
	if len(h.SHA256) != 64 || !isHex(h.SHA256) || h.Size < 0 || h.Rows < 0 {
		return nil, fmt.Errorf("has sha256 %q, size %d, %d rows", h.SHA256, h.Size, h.Rows)
	}
	entry := foot.entry()
	entry.Key, entry.Size, entry.SHA256, entry.Rows = Key(foot.Cluster, foot.Window), h.Size, h.SHA256, h.Rows
	entry.Daily = true
	return &file{footer: foot, entry: entry}, nil
}

// lastDay keeps the day that was opened last, because its hours are read one
// after the other.
type lastDay struct {
	mu  sync.Mutex
	day *day
}

// openDay opens the object of a day, or gives it as it was opened last, if it is
// still the same. Errors: bucket.ErrNotFound, *CorruptError, *SchemaError, the
// bucket's.
func (l *Ledger) openDay(ctx context.Context, cluster string, w window.Window) (*day, error) {
	key := DayKey(cluster, w)
	l.last.mu.Lock()
	defer l.last.mu.Unlock()
	if last := l.last.day; last != nil && last.object.Key == key {
		body, object, err := l.bucket.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		_ = body.Close() // nothing is read of it
		if object.ETag == last.object.ETag {
			return last, nil
		}
	}
	l.last.day = nil
	_, d, err := l.readDay(ctx, cluster, w)
	l.last.day = d
	return d, err
}

// readDay reads the object of a day. With a *CorruptError the object as it was
// read comes too. Errors: as openDay.
func (l *Ledger) readDay(ctx context.Context, cluster string, w window.Window) (*raw, *day, error) {
	return fetchSound(ctx, l, DayKey(cluster, w), func(r *raw) (*day, error) { return r.openDay(cluster, w) })
}

// openInDay opens an hour in the daily table. Errors: *MissingError,
// *CorruptError, *SchemaError, the bucket's.
func (l *Ledger) openInDay(ctx context.Context, cluster string, hour window.Window) (*file, error) {
	missing := &MissingError{Cluster: cluster, Hours: []window.Window{hour}}
	d, err := l.openDay(ctx, cluster, dayOf(hour.From))
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, missing
	}
	if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
		return nil, damaged(corrupt.Key, cluster, hour, corrupt.Err)
	}
	if err != nil {
		return nil, err
	}
	f, ok := d.hour(hour)
	if !ok {
		return nil, missing
	}
	return f, nil
}
