package serve_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// expected is a revision of a report that there has to be, worked out from the rules
// alone.
type expected struct {
	plan     plan
	key      string // of the period
	period   window.Window
	revision int
	failed   bool
	from, to time.Time // when it is made
}

// lateTime is time of a cluster that is not closed in time.
type lateTime struct {
	period window.Window
	until  time.Time     // when it is closed, or when its samples are gone
	never  bool          // it is not closed then
	takes  time.Duration // until all of it is closed
}

// late is all such time.
func (w *world) late() (all []lateTime) {
	if w.dead != "" {
		hours := window.Window{From: w.away.From.Add(-worldSettle).Truncate(time.Hour), To: w.away.To.Add(-worldSettle).Truncate(time.Hour)}
		all = append(all, lateTime{hours, w.away.To, false, 2 * time.Hour})
	}
	for _, d := range w.damaged {
		l := lateTime{d.hour, d.heals, false, 45 * time.Minute}
		if d.heals.IsZero() {
			l.until, l.never = d.hour.To.Add(w.samples), true
		}
		all = append(all, l)
	}
	return all
}

// periodsOf are the whole periods of a plan, with their names.
func (w *world) periodsOf(p plan) (all []expected) {
	y, m, d := w.begin.In(p.zone).Date()
	at := func(months, days int) time.Time {
		return time.Date(y, m+time.Month(months), d+days, 0, 0, 0, 0, p.zone)
	}
	step := func(i int) time.Time { return at(0, i) }
	layout := "2006-01-02"
	switch p.period {
	case "week":
		for at(0, 0).Weekday() != time.Monday {
			d--
		}
		step = func(i int) time.Time { return at(0, 7*i) }
	case "month":
		d = 1
		step = func(i int) time.Time { return at(i, 0) }
		layout = "2006-01"
	}
	for i := 0; step(i + 1).Before(w.end); i++ {
		from, to := step(i), step(i+1)
		if from.Before(w.begin) {
			continue
		}
		key := from.Format(layout)
		if p.period == "week" {
			year, week := from.ISOWeek()
			key = fmt.Sprintf("%d-W%02d", year, week)
		}
		if p.zone.String() != "UTC" {
			key += "_" + strings.ReplaceAll(p.zone.String(), "/", ".")
		}
		all = append(all, expected{plan: p, key: key, period: window.Window{From: from, To: to}})
	}
	return all
}

// released is when the line fires next after the end of a period, and its last hour
// has settled.
func (p plan) released(end time.Time) time.Time {
	y, m, d := end.In(p.zone).Date()
	for ; ; d++ {
		at := time.Date(y, m, d, p.hour, p.minute, 0, 0, p.zone)
		fits := p.period == "day" || p.period == "week" && at.Weekday() == time.Monday || p.period == "month" && at.Day() == 1
		if fits && !at.Before(end) {
			return at
		}
	}
}

// revisions are those of a period: the first at its release or when nothing is late
// any more, at most the deadline later; another one for each time that comes in.
func (w *world) revisions(of expected) (all []expected) {
	release := of.plan.released(of.period.To)
	deadline := release.Add(worldDeadline)
	var late []lateTime
	for _, l := range w.late() {
		if l.period.Overlaps(of.period) {
			late = append(late, l)
		}
	}
	made, until := release, release.Add(10*time.Minute)
	for _, l := range late {
		switch {
		case l.until.After(deadline):
			made, until = deadline, deadline.Add(10*time.Minute)
		case l.until.After(made):
			made, until = l.until, l.until.Add(l.takes)
		}
	}
	times := []lateTime{{until: made, takes: until.Sub(made)}}
	for _, l := range late {
		if l.until.After(made) && !l.never {
			times = append(times, l)
		}
	}
	slices.SortFunc(times, func(a, b lateTime) int { return a.until.Compare(b.until) })
	for i, at := range times {
		if at.until.Add(at.takes).After(w.end) {
			break
		}
		next := of
		next.revision, next.from, next.to, next.failed = i+1, at.until, at.until.Add(at.takes), w.isFailed(of.period, at.until, late)
		all = append(all, next)
	}
	return all
}

// isFailed tells whether too much of a period is missing at a time.
func (w *world) isFailed(period window.Window, at time.Time, late []lateTime) bool {
	var missing time.Duration
	for _, l := range late {
		if inside, common := period.Intersect(l.period); common && (l.never || l.until.After(at)) {
			missing += inside.Duration()
		}
	}
	return missing.Seconds() > (1-worldMinimum)*period.Duration().Seconds()*float64(len(w.clusters))
}

// reports are all revisions of all reports.
func (w *world) reports() (all []expected) {
	for _, p := range w.plans {
		for _, of := range w.periodsOf(p) {
			all = append(all, w.revisions(of)...)
		}
	}
	return all
}

// id is a report's, as docs/reports.md has it.
func (e expected) id() string {
	var text strings.Builder
	for _, part := range []string{e.plan.name, e.key, strconv.Itoa(e.revision)} {
		fmt.Fprintf(&text, "%d:%s", len(part), part)
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:8])
}

// objects are the keys of all objects that there have to be at the end, sorted.
func (w *world) objects() []string {
	keys := map[string]bool{}
	for _, e := range w.reports() {
		folder := "reports/" + e.plan.name + "/" + e.key + "/"
		keys[folder+"latest.json"] = true
		keys[folder+e.id()+"/manifest.json"] = true
		if !e.failed {
			keys[folder+e.id()+"/report.csv"] = true
		}
		keys["state/reports/"+e.plan.name+"/"+e.key+"/"+e.id()+".json"] = true
		keys["index/published/"+e.plan.name+"/"+e.period.From.UTC().Format("2006-01")+".json"] = true
	}
	last := w.end.Add(-worldSettle - 5*time.Minute).Truncate(time.Hour)
	for _, cluster := range w.clusters {
		for hour := w.begin; hour.Before(last); hour = hour.Add(time.Hour) {
			day := "cluster=" + cluster + "/date=" + hour.Format(time.DateOnly) + "/"
			if !w.neverClosed(cluster, hour) {
				keys["ledger/hourly/"+day+hour.Format("hour=15/")+"usage.parquet"] = true
			}
			keys["index/hours/cluster="+cluster+"/"+hour.Format("2006-01")+".json"] = true
			if w.compacted(cluster, hour.Truncate(24*time.Hour)) {
				keys["ledger/daily/"+day+"usage.parquet"] = true
			}
		}
	}
	var all []string
	for key := range keys {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

// compacted tells whether a day is in the daily table at the end: the night after it
// ended, or two days later if it lacks hours.
func (w *world) compacted(cluster string, day time.Time) bool {
	ended := day.Add(24 * time.Hour)
	for hour := day; hour.Before(ended); hour = hour.Add(time.Hour) {
		if w.neverClosed(cluster, hour) {
			ended = ended.Add(worldPartial)
			break
		}
	}
	return !ended.Truncate(24 * time.Hour).Add(3 * time.Hour).After(w.end)
}

func (w *world) neverClosed(cluster string, hour time.Time) bool {
	return slices.ContainsFunc(w.damaged, func(d damagedHour) bool {
		return d.cluster == cluster && d.hour.From.Equal(hour) && (d.heals.IsZero() || d.heals.After(w.end))
	})
}
