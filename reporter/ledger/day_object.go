package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
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
	// Rest is what this version does not know.
	Rest map[string]json.RawMessage `json:"-"`
}

func (f *file) dayHour() (dayHour, error) {
	pairs, err := f.footer.pairs()
	return dayHour{Footer: pairs, Rows: f.entry.Rows, SHA256: f.entry.SHA256, Size: f.entry.Size, Rest: f.rest}, err
}

// plainDayHour is a dayHour as encoding/json knows it.
type plainDayHour dayHour

// UnmarshalJSON keeps what this version does not know.
func (h *dayHour) UnmarshalJSON(data []byte) error {
	known := json.NewDecoder(bytes.NewReader(data))
	known.DisallowUnknownFields()
	if known.Decode((*plainDayHour)(h)) == nil {
		return nil
	}
	if err := json.Unmarshal(data, (*plainDayHour)(h)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for _, name := range []string{"footer", "rows", "sha256", "size"} {
		delete(all, name)
	}
	if len(all) > 0 {
		h.Rest = all
	}
	return nil
}

// MarshalJSON writes the fields sorted by their names.
func (h dayHour) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(plainDayHour(h))
	if err != nil || len(h.Rest) == 0 {
		return data, err
	}
	all := maps.Clone(h.Rest)
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
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
		if err == nil {
			hour.unknown = opened.Unknown()
		}
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
	foot, err := parseFooter(h.Footer)
	if err != nil {
		return nil, err
	}
	if err := checkHour(foot.Cluster, foot.Window); err != nil {
		return nil, err
	}
	if !checksum.Is(h.SHA256) || h.Size < 0 || h.Rows < 0 {
		return nil, fmt.Errorf("has sha256 %q, size %d, %d rows", h.SHA256, h.Size, h.Rows)
	}
	entry := foot.entry()
	entry.Key, entry.Size, entry.SHA256, entry.Rows = Key(foot.Cluster, foot.Window), h.Size, h.SHA256, h.Rows
	entry.Daily = true
	return &file{footer: foot, entry: entry, rest: h.Rest}, nil
}

// days finds and opens the objects of the daily table.
type days struct {
	store
	cache *cache
}

// dayHeads are the heads of a day's hours. They are never changed.
type dayHeads struct {
	etag  string
	hours map[window.Window]*head
}

// open opens the object of a day. Errors: bucket.ErrNotFound, *CorruptError,
// *SchemaError, others of the bucket.
func (d *days) open(ctx context.Context, cluster string, w window.Window) (*day, error) {
	_, opened, err := d.read(ctx, cluster, w)
	return opened, err
}

// read is open that gives the object as it was read, too, also with a
// *CorruptError.
func (d *days) read(ctx context.Context, cluster string, w window.Window) (*raw, *day, error) {
	return fetchSound(ctx, d.store, DayKey(cluster, w), func(r *raw) (*day, error) { return r.openDay(cluster, w) })
}

// heads are the heads of a day's hours. The object is read only if it is not the
// one that is remembered. Errors: as open.
func (d *days) heads(ctx context.Context, cluster string, w window.Window) (*dayHeads, error) {
	key := DayKey(cluster, w)
	if known, ok := d.cache.get(key).(*dayHeads); ok {
		object, err := d.stat(ctx, key)
		if err != nil {
			return nil, err
		}
		if object.ETag == known.etag {
			return known, nil
		}
	}
	opened, err := d.open(ctx, cluster, w)
	if err != nil {
		return nil, err
	}
	all := &dayHeads{etag: opened.object.ETag, hours: map[window.Window]*head{}}
	size := 0
	for _, f := range opened.hours {
		h := &head{footer: f.footer, entry: f.entry, etag: all.etag}
		all.hours[f.footer.Window] = h
		size += h.bytes()
	}
	d.cache.put(key, all, size)
	return all, nil
}

// openHour opens an hour in the daily table. Errors: *MissingError,
// *CorruptError, *SchemaError, the bucket's.
func (d *days) openHour(ctx context.Context, cluster string, hour window.Window) (*file, error) {
	opened, err := d.open(ctx, cluster, dayOf(hour.From))
	if err != nil {
		return nil, ofHour(err, cluster, hour)
	}
	f, ok := opened.hour(hour)
	if !ok {
		return nil, missing(cluster, hour)
	}
	return f, nil
}

// ofHour is the error of a day, said of one of its hours. A day that is not there
// has none.
func ofHour(err error, cluster string, hour window.Window) error {
	if errors.Is(err, bucket.ErrNotFound) {
		return missing(cluster, hour)
	}
	if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
		return damaged(corrupt.Key, cluster, hour, corrupt.Err)
	}
	return err
}

func missing(cluster string, hour window.Window) error {
	return &MissingError{Cluster: cluster, Hours: []window.Window{hour}}
}
