package serve

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gputally/gputally/reporter/window"
)

// progress is how far the clusters' hours are closed, for those tasks that wait
// for them. Many goroutines may use it.
type progress struct {
	mu       sync.Mutex
	clusters map[string]*clusterProgress
}

type clusterProgress struct {
	through time.Time          // every hour that ended by then was closed, has no samples, or is aside
	failing bool               // the latest try failed, so that the cluster may be behind for long
	aside   map[time.Time]bool // hours that are set aside, by their begin
	broken  map[time.Time]bool // hours that can't be read from the ledger
	days    map[time.Time]bool // days of the daily table that can't be read, by their begin: whether to make them again
}

func newProgress(clusters []Cluster) *progress {
	p := &progress{clusters: map[string]*clusterProgress{}}
	for _, of := range clusters {
		p.clusters[of.Name] = &clusterProgress{aside: map[time.Time]bool{}, broken: map[time.Time]bool{}, days: map[time.Time]bool{}}
	}
	return p
}

func (p *progress) of(cluster string, change func(*clusterProgress)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clusters[cluster]; c != nil {
		change(c)
	}
}

// reach notes that a cluster is through up to a time, or as far as it came before
// a failure.
func (p *progress) reach(cluster string, through time.Time, failing bool) {
	p.of(cluster, func(c *clusterProgress) {
		c.failing = failing
		if through.After(c.through) {
			c.through = through
		}
	})
}

// late names the clusters whose hours of a period may still come in. Once the
// deadline of the report has passed, only a cluster counts that catches up.
func (p *progress) late(period window.Window, passed bool) (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end := window.Hour(period.To.Add(-1)).To
	for _, name := range slices.Sorted(maps.Keys(p.clusters)) {
		c := p.clusters[name]
		behind := c.through.Before(end)
		aside := false
		for from := range c.aside {
			aside = aside || period.Overlaps(window.Hour(from))
		}
		if behind && (!passed || !c.failing) || aside && !passed {
			names = append(names, name)
		}
	}
	return names
}

// damaged notes that hours can't be read from the ledger, and tells whether that is
// new.
func (p *progress) damaged(cluster string, hours window.Window) (isNew bool) {
	p.of(cluster, func(c *clusterProgress) {
		for h := range hours.Hours() {
			if !c.broken[h.From.UTC()] {
				c.broken[h.From.UTC()], isNew = true, true
			}
		}
	})
	return isNew
}

// damagedDay notes that a day of the daily table can't be read, and whether it is
// to be made again. It tells whether that is new.
func (p *progress) damagedDay(cluster string, day window.Window, again bool) (isNew bool) {
	p.of(cluster, func(c *clusterProgress) {
		_, known := c.days[day.From.UTC()]
		isNew = !known
		c.days[day.From.UTC()] = again
	})
	return isNew
}

// inDamagedDay tells whether the day of an hour can't be read.
func (p *progress) inDamagedDay(cluster string, hour window.Window) (is bool) {
	p.of(cluster, func(c *clusterProgress) {
		_, is = c.days[window.PeriodDay.Containing(hour.From, time.UTC).From]
	})
	return is
}

// damagedDays lists the days of a cluster that are to be made again, oldest first.
func (p *progress) damagedDays(cluster string) (days []window.Window) {
	p.of(cluster, func(c *clusterProgress) {
		for _, from := range slices.SortedFunc(maps.Keys(c.days), time.Time.Compare) {
			if c.days[from] {
				days = append(days, window.PeriodDay.Containing(from, time.UTC))
			}
		}
	})
	return days
}

// repairedDay notes that a day of the daily table can be read again.
func (p *progress) repairedDay(cluster string, day window.Window) {
	p.of(cluster, func(c *clusterProgress) { delete(c.days, day.From.UTC()) })
}

// repairs lists the hours of a cluster that can't be read, oldest first.
func (p *progress) repairs(cluster string) (hours []window.Window) {
	p.of(cluster, func(c *clusterProgress) {
		for _, from := range slices.SortedFunc(maps.Keys(c.broken), time.Time.Compare) {
			hours = append(hours, window.Hour(from))
		}
	})
	return hours
}

// repaired notes that an hour can be read again.
func (p *progress) repaired(cluster string, hour window.Window) {
	p.of(cluster, func(c *clusterProgress) { delete(c.broken, hour.From.UTC()) })
}

// unreadable tells whether an hour can't be read from the ledger.
func (p *progress) unreadable(cluster string, hour window.Window) (is bool) {
	p.of(cluster, func(c *clusterProgress) { is = c.broken[hour.From.UTC()] })
	return is
}

// setAside notes which hours of a cluster are set aside.
func (p *progress) setAside(cluster string, hours []window.Window) {
	p.of(cluster, func(c *clusterProgress) {
		clear(c.aside)
		for _, h := range hours {
			c.aside[h.From.UTC()] = true
		}
	})
}
