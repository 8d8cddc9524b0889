package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/window"
)

// Finding is something that Verify found wrong.
type Finding struct {
	Kind   Kind
	Object string // key of the object that it is about
	Hour   window.Window
	What   string // "GPU GPU-1 …"
	Do     string // what mends it
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s; %s", f.Kind, f.Object, f.What, f.Do)
}

// Kind groups findings.
type Kind string

// The kinds of findings.
const (
	Damaged      Kind = "damaged"      // an object is not as it was written, or not readable
	Stray        Kind = "stray"        // a Parquet object that is not the ledger's lies in a table
	Rows         Kind = "rows"         // rows are not what the footer says, out of order or impossible
	Conservation Kind = "conservation" // parts don't make the whole
	Edge         Kind = "edge"         // two hours count from different edges, or edges are gone
	Behind       Kind = "behind"       // a day does not have its hours as they are
	Duplicate    Kind = "duplicate"    // two clusters have the same GPU for the same time
	Index        Kind = "index"        // the index says something else of an hour than the ledger does
)

// Verification is one run of Verify.
type Verification struct {
	// Window is what to verify: the hours and days that overlap it.
	Window window.Window
	// EdgesSince: edges up to it may have been pruned, so that it is no finding
	// when they are gone.
	EdgesSince time.Time
}

// Verify reads what the ledger has of a cluster in a window and yields what does
// not hold: seals, digests, sums, order, edges, days that are behind, strays. It
// changes nothing. Memory is an hour and a day's object. An error of yield ends
// it. Errors: yield's, the bucket's.
func (l *Ledger) Verify(ctx context.Context, cluster string, v Verification, yield func(Finding) error) error {
	if err := CheckCluster(cluster); err != nil {
		return err
	}
	run := &verification{Verification: v, ledger: l, session: l.Session(), cluster: cluster, yield: yield}
	for _, step := range []func(context.Context) error{run.strays, run.tables, run.history} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("verify cluster %s: %w", cluster, err)
		}
	}
	return nil
}

// verification is a run under way.
type verification struct {
	Verification
	ledger   *Ledger
	session  *Session
	cluster  string
	yield    func(Finding) error
	there    window.Window // the days of which strays saw an object, and those between; zero if there are none
	previous footer        // of the hour looked at last, if it can be read
	looked   string        // edges looked at last
}

const doAway = "move it away"

func (v *verification) overlaps(w window.Window) bool {
	return w.Overlaps(v.Window)
}

// strays looks for foreign objects in both tables, and from when to when there are
// others.
func (v *verification) strays(ctx context.Context) error {
	for _, table := range []struct {
		prefix string
		parse  func(string) (string, window.Window, bool)
	}{{hourly, parseKey}, {daily, parseDayKey}} {
		for o, err := range v.ledger.bucket.List(ctx, table.prefix+"cluster="+v.cluster+"/") {
			if err != nil {
				return err
			}
			_, w, ok := table.parse(o.Key)
			if ok {
				v.sees(dayOf(w.From))
			}
			if !ok && strings.HasSuffix(o.Key, ".parquet") {
				if err := v.yield(Finding{Stray, o.Key, window.Window{}, "it is not named like an object of the ledger", doAway}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// sees stretches what is there by a day.
func (v *verification) sees(day window.Window) {
	if v.there == (window.Window{}) {
		v.there = day
	}
	v.there = v.there.Span(day)
}

// tables verifies hours and days, in the order of time.
func (v *verification) tables(ctx context.Context) error {
	for d := range window.PeriodDay.Within(v.days(), time.UTC) {
		if err := ctx.Err(); err != nil {
			return err
		}
		held, err := v.openDay(ctx, d)
		if err != nil {
			return err
		}
		for hour := range d.Hours() {
			if !v.overlaps(hour) {
				continue
			}
			if err := v.hour(ctx, hour, held); err != nil {
				return err
			}
		}
	}
	return nil
}

// days is the window, as whole days, as far as there is anything.
func (v *verification) days() window.Window {
	w, _ := v.there.Intersect(window.Window{From: dayOf(v.Window.From).From, To: dayOf(v.Window.To.Add(-1)).To})
	return w
}

// openDay opens a day. One that is not there or damaged, which is a finding,
// gives nil.
func (v *verification) openDay(ctx context.Context, w window.Window) (*day, error) {
	d, err := v.ledger.days.open(ctx, v.cluster, w)
	switch {
	case err == nil:
		return d, nil
	case errors.Is(err, bucket.ErrNotFound):
		return nil, nil
	default:
		return nil, v.broken(err, DayKey(v.cluster, w), w, doCompact(v.cluster, w))
	}
}

// broken yields the finding of an object that can't be read; an error of the
// bucket comes back.
func (v *verification) broken(err error, key string, w window.Window, do string) error {
	var corrupt *CorruptError
	var schema *SchemaError
	switch {
	case errors.As(err, &corrupt):
		return v.yield(Finding{Damaged, key, w, corrupt.Err.Error(), do})
	case errors.As(err, &schema):
		return v.yield(Finding{Damaged, key, w, fmt.Sprintf("its schema is %d", schema.Schema), "use the version of gputally that wrote it, or a later one"})
	}
	return err
}

// hour verifies an hour in its own object and in its day.
func (v *verification) hour(ctx context.Context, hour window.Window, held *day) error {
	previous := v.previous
	v.previous = footer{}
	own, err := v.own(ctx, hour)
	if err != nil {
		return err
	}
	var inDay *file
	if held != nil {
		inDay, _ = held.hour(hour)
	}
	switch {
	case own != nil && held != nil:
		err = errors.Join(v.rows(own), v.day(held, own, inDay))
	case own != nil:
		err = v.rows(own)
	case inDay != nil:
		err = v.rows(inDay)
		own = inDay
	default:
		return nil
	}
	if err != nil {
		return err
	}
	v.previous = own.footer
	return v.edges(ctx, previous, own)
}

// own opens an hour's own object. One that is not there or damaged, which is a
// finding, gives nil.
func (v *verification) own(ctx context.Context, hour window.Window) (*file, error) {
	key := Key(v.cluster, hour)
	r, err := v.ledger.fetch(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := r.open(v.cluster, hour)
	if err != nil {
		return nil, v.broken(err, key, hour, doRestate(v.cluster, hour))
	}
	return f, nil
}

// day verifies what a day has of an hour with an object of its own.
func (v *verification) day(held *day, own, inDay *file) error {
	var what string
	switch {
	case inDay == nil:
		what = fmt.Sprintf("it lacks %s", called(own.footer.Window))
	case inDay.entry.SHA256 != own.entry.SHA256:
		what = fmt.Sprintf("it has revision %d of %s, whose revision is %d", inDay.footer.Revision, called(own.footer.Window), own.footer.Revision)
	default:
		a := newAudit(inDay.footer)
		if err := inDay.segments(a.add); err != nil {
			return v.broken(err, held.object.Key, own.footer.Window, doCompact(v.cluster, own.footer.Window))
		}
		if a.digest.Sum() == inDay.footer.Rows {
			return nil // what else is wrong is so in the hour's own object
		}
		what = fmt.Sprintf("its rows of %s are others", called(own.footer.Window))
	}
	return v.yield(Finding{Behind, held.object.Key, own.footer.Window, what, doCompact(v.cluster, own.footer.Window)})
}

// rows verifies an hour's rows against each other and against the footer.
func (v *verification) rows(f *file) error {
	a := newAudit(f.footer)
	err := f.segments(a.add)
	if err != nil {
		return v.broken(err, f.object, f.footer.Window, doRestate(v.cluster, f.footer.Window))
	}
	for _, finding := range a.findings() {
		finding.Object, finding.Hour, finding.Do = f.object, f.footer.Window, doRestate(v.cluster, f.footer.Window)
		if err := v.yield(finding); err != nil {
			return err
		}
	}
	return nil
}

// edges verifies the edges that an hour names, and that it counts from where
// the previous hour ended.
func (v *verification) edges(ctx context.Context, previous footer, f *file) error {
	foot := f.footer
	for _, edge := range []struct {
		at   time.Time
		name string
	}{{foot.Window.From, foot.Opening}, {foot.Window.To, foot.Closing}} {
		if edge.name == "" || edge.name == v.looked {
			continue
		}
		v.looked = edge.name
		if err := v.ledger.edges.audit(ctx, v.cluster, edge.at, edge.name); err != nil {
			if err := v.edgeError(err, f, edge.at); err != nil {
				return err
			}
		}
	}
	if !previous.Window.To.Equal(foot.Window.From) {
		return nil
	}
	// What began earlier, and the previous hour did not see because samples were
	// lost, is no contradiction.
	differ, err := v.session.differ(ctx, &head{footer: previous}, &head{footer: foot}, previous.Window.From)
	if errors.As(err, new(*EdgesError)) {
		return nil // found already
	}
	if err != nil || !differ {
		return err
	}
	return v.yield(Finding{Edge, f.object, foot.Window, "it counts from other edges than those that " + called(previous.Window) + " closed with", doBoth(v.cluster, foot.Window.From)})
}

// edgeError yields the finding of edges that can't be read.
func (v *verification) edgeError(err error, f *file, at time.Time) error {
	var broken *EdgesError
	if !errors.As(err, &broken) {
		return v.broken(err, f.object, f.footer.Window, doBoth(v.cluster, at))
	}
	if errors.Is(err, bucket.ErrNotFound) {
		if !at.After(v.EdgesSince) {
			return nil
		}
		return v.yield(Finding{Edge, broken.Key, f.footer.Window, "edges at " + instant(at) + " are gone", doBoth(v.cluster, at)})
	}
	return v.yield(Finding{Damaged, broken.Key, f.footer.Window, broken.Err.Error(), doBoth(v.cluster, at)})
}

// history verifies what was replaced.
func (v *verification) history(ctx context.Context) error {
	for o, err := range v.ledger.bucket.List(ctx, history+"cluster="+v.cluster+"/") {
		if err != nil {
			return err
		}
		hour, revision, ok := parseHistoryKey(o.Key)
		if !ok || !v.overlaps(hour) || !strings.HasSuffix(o.Key, "/"+objectName) {
			continue
		}
		r, err := v.ledger.fetch(ctx, o.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue // deleted since it was listed
		}
		if err != nil {
			return err
		}
		f, err := r.open(v.cluster, hour)
		if err == nil && f.footer.Revision != revision {
			err = damaged(o.Key, v.cluster, hour, fmt.Errorf("it holds revision %d", f.footer.Revision))
		}
		if err != nil {
			if err := v.broken(err, o.Key, hour, doAway+", nothing is made of it"); err != nil {
				return err
			}
		}
	}
	return nil
}
