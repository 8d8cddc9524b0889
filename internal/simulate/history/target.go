package history

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gputally/gputally/collector/exporter"
	"github.com/gputally/gputally/collector/meter"
	"github.com/gputally/gputally/collector/metric"
	"github.com/gputally/gputally/internal/simulate"
)

// unlimited switches the meter's cap off: a step between two changes stands for
// many polls, and none of them is missed.
const unlimited = 100 * 365 * 24 * time.Hour

// Target is one node's collector as Prometheus sees it.
type Target struct {
	Labels Labels
	node   *simulate.Node
	player *simulate.Player
	meter  *meter.Meter
	random *rand.Rand
	timing Timing

	started  time.Time // of the collector process
	down     time.Time // until when there is no process
	dies     time.Time // when the process dies next
	poll     int64     // index of the latest poll
	phase    time.Duration
	snapshot *meter.Snapshot

	scrapeAt time.Time // nominal time of the next scrape
}

// Labels are the target labels of a scrape.
type Labels struct{ Job, Instance string }

// Timing says how collectors poll and die, and how they are scraped.
type Timing struct {
	Poll       time.Duration // default 1 s
	Scrape     time.Duration // default 30 s
	PollJitter time.Duration // a poll is late by up to this, default 20 ms
	Jitter     time.Duration // a scrape is late by up to this, default 5 ms
	Lost       float64       // share of scrapes that are lost
	Life       time.Duration // mean life of a collector process, 0 = for ever
	Outage     time.Duration // a dead collector is back after up to this, default 20 s
}

func (t *Timing) defaults() error {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&t.Poll, time.Second)
	set(&t.Scrape, 30*time.Second)
	set(&t.PollJitter, 20*time.Millisecond)
	set(&t.Jitter, 5*time.Millisecond)
	set(&t.Outage, 20*time.Second)
	if t.Scrape < t.Poll || t.PollJitter >= t.Poll/2 || t.Jitter >= t.Scrape/2 || t.Lost < 0 || t.Lost >= 1 {
		return fmt.Errorf("history: timing %+v makes no sense: scrape at least as long as poll, jitter below half of both, lost from 0 to 1", *t)
	}
	return nil
}

// NewTargets returns a collector for each node, which Prometheus scrapes as its job
// gputally-collector. They start at the same time.
func NewTargets(nodes []*simulate.Node, start time.Time, timing Timing) ([]*Target, error) {
	targets := make([]*Target, 0, len(nodes))
	for i, node := range nodes {
		t, err := NewTarget(node, Labels{Job: "gputally-collector", Instance: node.Name}, start, timing, uint64(i+1))
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// NewTarget returns a collector that starts at the given time. The seed picks
// its phases, jitter, losses and deaths.
func NewTarget(node *simulate.Node, labels Labels, start time.Time, timing Timing, seed uint64) (*Target, error) {
	if err := timing.defaults(); err != nil {
		return nil, err
	}
	t := &Target{
		Labels: labels, node: node, timing: timing,
		player: simulate.Play(node, start, seed),
		random: rand.New(rand.NewPCG(seed, 7)),
	}
	t.scrapeAt = start.Add(t.upTo(timing.Scrape))
	return t, t.birth(start)
}

func (t *Target) upTo(d time.Duration) time.Duration { return time.Duration(t.random.Int64N(int64(d))) }

// birth starts a new process: a new meter whose counters are zero.
func (t *Target) birth(at time.Time) (err error) {
	t.meter, err = meter.New(meter.Config{Start: at, MaxGap: unlimited})
	t.started, t.down, t.snapshot = at, time.Time{}, nil
	t.phase, t.poll = t.upTo(t.timing.PollJitter), -1
	t.dies = at.Add(unlimited)
	if t.timing.Life > 0 {
		t.dies = at.Add(time.Duration(t.random.ExpFloat64() * float64(t.timing.Life)))
	}
	return err
}

// scrape moves to the next scrape and returns its time and the snapshot that it
// shows, nil if it failed.
func (t *Target) scrape() (time.Time, *meter.Snapshot, error) {
	at := t.scrapeAt.Add(t.upTo(t.timing.Jitter)).Truncate(time.Millisecond)
	t.scrapeAt = t.scrapeAt.Add(t.timing.Scrape)
	if err := t.live(at); err != nil {
		return at, nil, err
	}
	if !t.down.IsZero() || t.random.Float64() < t.timing.Lost {
		return at, nil, nil
	}
	return at, t.snapshot, nil
}

// live lets the node live until at: the process may die and come back.
func (t *Target) live(at time.Time) error {
	for {
		if t.down.IsZero() && t.dies.After(at) {
			t.pollUntil(at)
			return nil
		}
		if t.down.IsZero() { // it dies
			t.pollUntil(t.dies)
			t.down = t.dies.Add(t.upTo(t.timing.Outage))
		}
		if t.down.After(at) {
			return nil
		}
		if err := t.birth(t.down); err != nil {
			return err
		}
	}
}

// pollUntil makes the polls until at that matter: the first of a process, those
// around changes, and the last one.
func (t *Target) pollUntil(at time.Time) {
	last := t.lastPoll(at)
	if t.poll < 0 && last >= 0 {
		t.observe(0) // a new process sees what is there at once
	}
	for t.poll < last {
		change := t.player.Change()
		before := min(last, t.lastPoll(change.Add(-1)))
		if before > t.poll {
			t.observe(before)
		}
		if before < last {
			t.observe(before + 1)
		}
	}
}

// lastPoll is the index of the latest poll at or before a time, -1 if there is none.
func (t *Target) lastPoll(at time.Time) int64 {
	k := int64(at.Sub(t.started) / t.timing.Poll)
	for k >= 0 && t.pollAt(k).After(at) {
		k--
	}
	return max(k, -1)
}

// pollAt is when poll k happens: on the interval, and late by a hash of k.
func (t *Target) pollAt(k int64) time.Time {
	late := time.Duration(uint64(k)*0x9e3779b97f4a7c15>>40) % (t.timing.PollJitter + 1)
	return t.started.Add(t.phase + time.Duration(k)*t.timing.Poll + late)
}

func (t *Target) observe(k int64) {
	at := t.pollAt(k)
	t.player.Advance(at)
	inv := t.player.Inventory()
	t.snapshot = t.meter.Observe(meter.Observation{
		At: at, Inventory: &inv, Holders: &meter.Attribution{Holdings: t.player.Holdings()},
	})
	t.poll = k
}

// Live hands over to a real clock: the player and the meter go on where the
// history ended. The target must not be used afterwards.
func (t *Target) Live() (*simulate.Player, *meter.Meter) { return t.player, t.meter }

// Identity is what the collector says of its node.
func (t *Target) Identity() exporter.Identity {
	return exporter.Identity{Node: t.node.Name, Attribution: "kubelet", Activity: metric.ActivityNone, Interval: t.timing.Poll}
}
