package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/window"
)

// DayEntry describes the object of a day in the daily table.
type DayEntry struct {
	Cluster string
	Window  window.Window
	Key     string
	Size    int64 // bytes
	Rows    int64
	SHA256  string // of the object, hexadecimal
	Hours   int
	Missing []window.Window // hours of the day that it does not have
	Written bool            // false: it was there already, the same
}

// compactAttempts bounds how often a day is made whose hours change meanwhile.
const compactAttempts = 5

// Compaction says with what a day may do.
type Compaction struct {
	// Partial makes a day although some of its hours are not closed, from the others.
	Partial bool
	// GiveUp replaces a day that is damaged although hours may be lost with it:
	// those that have no object of their own any more. It implies Partial. Only a
	// person decides this, never a program.
	GiveUp bool
}

// Compact makes the object of a day, a window of UTC, from its closed hours. All
// 24 must be closed, or *MissingError names those that are not, unless c says
// otherwise. An hour that has no object of its own any more is taken from the
// day as it is, so a day that is made again never has fewer hours than before.
// The same hours give the same bytes, and then nothing is written. Memory is one
// hour, the encoded day, and the day that was there.
//
// Errors: *CorruptError of an hour; of the day if hours without objects of their
// own may be in it, unless they are given up; *ConflictError, *SchemaError, the
// bucket's.
func (l *Ledger) Compact(ctx context.Context, cluster string, w window.Window, c Compaction) (DayEntry, error) {
	if err := checkDay(cluster, w); err != nil {
		return DayEntry{}, fmt.Errorf("compact: %w", err)
	}
	var conflict error
	for range compactAttempts {
		before, err := l.stamps(ctx, cluster, w)
		if err != nil {
			return DayEntry{}, err
		}
		entry, err := l.compact(ctx, cluster, w, c)
		if errors.Is(err, bucket.ErrConflict) { // another process made it meanwhile; of the same hours, as a rule
			conflict = fmt.Errorf("compact %s of cluster %s: %w", called(w), cluster, err)
			continue
		}
		if err != nil {
			return DayEntry{}, fmt.Errorf("compact %s of cluster %s: %w", called(w), cluster, err)
		}
		after, err := l.stamps(ctx, cluster, w)
		if err != nil {
			return DayEntry{}, err
		}
		if slices.EqualFunc(before, after, sameStamp) {
			return entry, nil
		}
	}
	if conflict != nil {
		return DayEntry{}, conflict
	}
	return DayEntry{}, fmt.Errorf("compact %s of cluster %s: its hours change all the time; compact it when they are closed", called(w), cluster)
}

// Due returns the days of the window, oldest first, with hours that were closed
// or restated since the day was made, as far as listings tell: those to Compact.
// Days that are not wholly in the window are left out.
func (l *Ledger) Due(ctx context.Context, cluster string, w window.Window) ([]window.Window, error) {
	if err := CheckCluster(cluster); err != nil {
		return nil, err
	}
	var due []window.Window
	for d, err := range l.listDays(ctx, hourly+"cluster="+cluster+"/", daily+"cluster="+cluster+"/") {
		if err != nil {
			return nil, err
		}
		if d.window.From.Before(w.From) || d.window.To.After(w.To) {
			continue
		}
		// Both times are by the store's clock; the same second may be either way.
		if slices.ContainsFunc(d.hourly, func(o listed) bool { return !o.object.Modified.Before(d.daily.Modified) }) {
			due = append(due, d.window)
		}
	}
	return due, nil
}

// stamps are the hours' objects of a day as a listing shows them. If they are
// equal before and after, no hour was restated in between.
func (l *Ledger) stamps(ctx context.Context, cluster string, w window.Window) ([]bucket.Object, error) {
	var all []bucket.Object
	for o, err := range objects(ctx, l.bucket, hourly+dayPlace(cluster, w.From), parseKey) {
		if err != nil {
			return nil, err
		}
		all = append(all, o.object)
	}
	return all, nil
}

func sameStamp(a, b bucket.Object) bool {
	return a.Key == b.Key && a.ETag == b.ETag && a.Size == b.Size && a.Modified.Equal(b.Modified)
}

func (l *Ledger) compact(ctx context.Context, cluster string, w window.Window, c Compaction) (DayEntry, error) {
	var cond bucket.Condition
	partial := c.Partial || c.GiveUp
	r, old, err := l.days.read(ctx, cluster, w)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		cond.Absent = true
	case errors.As(err, new(*CorruptError)):
		if err := l.giveUp(ctx, r, w, c, err); err != nil {
			return DayEntry{}, err
		}
		cond.ETag, partial = r.object.ETag, c.GiveUp
	case err != nil:
		return DayEntry{}, err
	default:
		cond.ETag = r.object.ETag
	}
	d := &dayDraft{ledger: l, old: old, footer: dayFooter{Cluster: cluster, Window: w, Writer: l.version}}
	if old != nil {
		same, err := d.unchanged(ctx)
		if err != nil {
			return DayEntry{}, err
		}
		if entry := old.entry(); same && (partial || len(entry.Missing) == 0) {
			return entry, nil
		}
	}
	if err := d.take(ctx, partial); err != nil {
		return DayEntry{}, err
	}
	return d.put(ctx, cond)
}

// giveUp says whether a damaged day may be replaced: if every hour has an object
// of its own, or if hours may be given up. What is left of it is kept.
func (l *Ledger) giveUp(ctx context.Context, r *raw, w window.Window, c Compaction, damage error) error {
	cluster, _, _ := parseDayKey(r.object.Key)
	hours, err := l.stamps(ctx, cluster, w)
	if err != nil {
		return err
	}
	if len(hours) < 24 && !c.GiveUp {
		return damage
	}
	key := history + dayPlace(cluster, w.From) + checksum.SHA256(r.data)[:16] + ".damaged"
	if _, err := bucket.PutBytes(ctx, l.bucket, key, r.data, bucket.Condition{}); err != nil {
		return fmt.Errorf("copy the damaged day to %s: %w", key, err)
	}
	return nil
}

// dayDraft is a day on its way into the daily table.
type dayDraft struct {
	ledger *Ledger
	old    *day // nil if there is none that can be read
	footer dayFooter
	rows   *sealed.Encoder[sealed.Row]
}

// hour opens an hour, in its own object or else in the old day. Errors: as
// Ledger.Stat.
func (d *dayDraft) hour(ctx context.Context, hour window.Window) (*file, error) {
	var inDay *file
	if d.old != nil {
		inDay, _ = d.old.hour(hour)
	}
	_, own, err := d.ledger.hours.openOwn(ctx, d.footer.Cluster, hour)
	switch {
	case err == nil:
		if inDay != nil && inDay.entry.SHA256 == own.entry.SHA256 {
			own.rest = inDay.rest
		}
		return own, nil
	case !errors.Is(err, bucket.ErrNotFound):
		return nil, err
	case inDay != nil:
		return inDay, nil
	}
	return nil, missing(d.footer.Cluster, hour)
}

// walk opens the hours that there are, and returns those that there are not.
func (d *dayDraft) walk(ctx context.Context, visit func(*file) error) (missing []window.Window, err error) {
	for hour := range d.footer.Window.Hours() {
		f, err := d.hour(ctx, hour)
		if errors.Is(err, ErrHourMissing) {
			missing = append(missing, hour)
			continue
		}
		if err == nil {
			err = visit(f)
		}
		if err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// unchanged tells whether the old day has the hours as they are.
func (d *dayDraft) unchanged(ctx context.Context) (bool, error) {
	var hours []dayHour
	_, err := d.walk(ctx, func(f *file) error {
		h, err := f.dayHour()
		hours = append(hours, h)
		return err
	})
	if err != nil {
		return false, err
	}
	now, err := json.Marshal(hours)
	if err != nil {
		return false, err
	}
	was, err := json.Marshal(d.old.footer.Hours)
	return string(now) == string(was), err
}

// take encodes the hours that there are.
func (d *dayDraft) take(ctx context.Context, partial bool) error {
	zstd, err := sealed.NewCodec()
	if err != nil {
		return err
	}
	d.rows = sealed.NewEncoder[sealed.Row](d.footer.Writer, zstd)
	missing, err := d.walk(ctx, func(f *file) error {
		h, err := f.dayHour()
		if err != nil {
			return err
		}
		d.footer.Hours = append(d.footer.Hours, h)
		if err := f.copyTo(d.rows); err != nil {
			return err
		}
		return d.rows.EndGroup()
	})
	if err != nil {
		return err
	}
	if len(missing) > 0 && (!partial || len(d.footer.Hours) == 0) {
		return &MissingError{Cluster: d.footer.Cluster, Hours: missing}
	}
	return nil
}

func (d *dayDraft) put(ctx context.Context, cond bucket.Condition) (DayEntry, error) {
	pairs, err := d.footer.pairs()
	if err != nil {
		return DayEntry{}, err
	}
	data, err := d.rows.Finish(pairs)
	if err != nil {
		return DayEntry{}, err
	}
	key := DayKey(d.footer.Cluster, d.footer.Window)
	object, err := d.ledger.bucket.Put(ctx, key, data.Body(), data.Size, cond)
	if errors.Is(err, bucket.ErrConflict) {
		return DayEntry{}, &ConflictError{Key: key, Cluster: d.footer.Cluster, Hour: d.footer.Window}
	}
	if err != nil {
		return DayEntry{}, err
	}
	object.Size = data.Size
	entry := (&day{object: object, sha256: data.SHA256, footer: d.footer}).entry()
	entry.Written = true
	return entry, nil
}

// entry describes the object.
func (d *day) entry() DayEntry {
	e := DayEntry{
		Cluster: d.footer.Cluster, Window: d.footer.Window, Key: d.object.Key, Size: d.object.Size, SHA256: d.sha256,
		Hours: len(d.footer.Hours),
	}
	for _, h := range d.footer.Hours {
		e.Rows += h.Rows
	}
	e.Missing = d.footer.missing()
	return e
}
