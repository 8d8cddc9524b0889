package fleet_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
)

var (
	begins = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)
	ends   = begins.Add(3*time.Hour + 10*time.Minute)
)

func config() fleet.Config {
	return fleet.Config{GPUs: 80, From: begins, To: ends, Seed: 4}
}

func newFleet(t *testing.T, cfg fleet.Config) *fleet.Fleet {
	t.Helper()
	f, err := fleet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func holdings(f *fleet.Fleet, from, to time.Time) []fleet.Holding {
	var all []fleet.Holding
	f.Holdings(from, to, func(h *fleet.Holding) { all = append(all, *h) })
	return all
}

func TestConfigsThatMakeNoFleet(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fleet.Config){
		"no GPUs":                      func(c *fleet.Config) { c.GPUs = 0 },
		"half a node":                  func(c *fleet.Config) { c.GPUs = 12 },
		"a range without an hour":      func(c *fleet.Config) { c.To = c.From },
		"a life below the shortest":    func(c *fleet.Config) { c.Longest = time.Second },
		"lanes for nine GPUs":          func(c *fleet.Config) { c.Lanes = [][]int{{8}, {4, 4, -2}} },
		"scrapes more often than poll": func(c *fleet.Config) { c.Scrape = 900 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config()
			change(&cfg)
			if _, err := fleet.New(cfg); err == nil {
				t.Errorf("%+v is taken", cfg)
			}
		})
	}
}

func TestFleetOfTheSizeOfABill(t *testing.T) {
	t.Parallel()
	const gpus, hours = 4000, 24
	cfg := fleet.Config{GPUs: gpus, From: begins, To: begins.Add(hours * time.Hour), Seed: 1}
	from, to := cfg.From.UnixMilli(), cfg.To.UnixMilli()
	pods, ids := map[string]bool{}, map[string]bool{}
	var held int64
	for _, h := range holdings(newFleet(t, cfg), cfg.From, cfg.To) {
		ids[h.UUID] = true
		held += h.Held(from, to)
		if h.From >= from {
			pods[h.PodUID] = true
		}
	}
	if n := len(pods); n < 7000 || n > 9000 {
		t.Errorf("%d pods start in a day, want about 2 a GPU", n)
	}
	if u := float64(held) / 1000 / gpus / float64(to-from); u < 0.75 || u > 0.9 {
		t.Errorf("%.2f of the time is held, want most of it", u)
	}
	uuid := regexp.MustCompile(`^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	for id := range ids {
		if !uuid.MatchString(id) {
			t.Fatalf("%q does not look like a UUID", id)
		}
	}
}

func TestNoGPUIsHeldTwice(t *testing.T) {
	t.Parallel()
	type change struct{ at, milli int64 }
	changes := map[string][]change{}
	for _, h := range holdings(newFleet(t, config()), begins, ends) {
		changes[h.UUID] = append(changes[h.UUID], change{h.From, h.Milli}, change{h.To, -h.Milli})
	}
	for uuid, cs := range changes {
		slices.SortFunc(cs, func(a, b change) int {
			if a.at != b.at {
				return int(a.at - b.at)
			}
			return int(a.milli - b.milli) // what ends goes before what begins
		})
		milli := int64(0)
		for _, c := range cs {
			if milli += c.milli; milli < 0 || milli > 1000 {
				t.Fatalf("%d thousandths of %s are held", milli, uuid)
			}
		}
	}
}

func TestSeedDecides(t *testing.T) {
	t.Parallel()
	first := holdings(newFleet(t, config()), begins, ends)
	if diff := cmp.Diff(first, holdings(newFleet(t, config()), begins, ends)); diff != "" {
		t.Errorf("the same seed gives another fleet:\n%s", diff)
	}
	larger := config()
	larger.GPUs *= 2
	if diff := cmp.Diff(first, holdings(newFleet(t, larger), begins, ends)[:len(first)]); diff != "" {
		t.Errorf("the first nodes of a larger fleet are others:\n%s", diff)
	}
	other := config()
	other.Seed++
	if cmp.Equal(first, holdings(newFleet(t, other), begins, ends)) {
		t.Error("another seed gives the same fleet")
	}
}
