package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
	"github.com/gputally/gputally/reporter/bucket/open"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// monthFleet is a fleet that shares many of its GPUs, so that its ledger has two
// segments for each GPU and hour, and whose jobs live for up to ten days.
func (f flags) monthFleet() fleet.Config {
	return fleet.Config{
		GPUs: f.monthGPUs, Scrape: f.scrape, Seed: f.seed, From: begins, To: begins.AddDate(0, 0, f.days),
		Longest: 240 * time.Hour, Lanes: [][]int{{4, 1, -4, -4, -4}, {2, 2, 1, -4, -4, -4}, {1, 1, 1, 1, 1, -4, -4, -4}},
	}
}

// month returns a folder with a configuration and a bucket whose ledger has
// every hour of a fleet.
func (r *run) month(ctx context.Context) (string, error) {
	cfg := r.monthFleet()
	name := fmt.Sprintf("ledger-%d-gpus-%d-days-seed-%d", cfg.GPUs, r.days, cfg.Seed)
	return r.kept(name, func(dir string) error { return r.writeMonth(ctx, cfg, dir) })
}

func (r *run) writeMonth(ctx context.Context, cfg fleet.Config, dir string) error {
	f, err := fleet.New(cfg)
	if err != nil {
		return err
	}
	store := filepath.Join(dir, "bucket")
	if err := os.Mkdir(store, 0o750); err != nil {
		return err
	}
	b, err := open.Bucket(ctx, open.Config{URL: fileURL(store)})
	if err != nil {
		return err
	}
	books := ledger.New(b, ledger.Config{})
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for hour := range (window.Window{From: cfg.From, To: cfg.To}).Hours() {
		r.progress("making up a ledger of %d GPUs: %s", cfg.GPUs, hour.From.Format("2006-01-02 15:04"))
		g.Go(func() error {
			_, err := books.Put(each, hourOf(f, hour))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := writeSettings(dir, store); err != nil {
		return err
	}
	_, err = r.process(ctx, io.Discard, r.binary("gputally-reporter"), "--config="+filepath.Join(dir, settings), "index", "rebuild")
	return err
}

// hourOf closes an hour from the truth.
func hourOf(f *fleet.Fleet, hour window.Window) usage.Hour {
	from, to := hour.From.UnixMilli(), hour.To.UnixMilli()
	gpus, free := map[string]fleet.GPU{}, map[string]int64{}
	h := usage.Hour{Cluster: cluster, Window: hour, Source: gputally.Profile, Road: roadRemoteRead}
	f.GPUs(func(g fleet.GPU) {
		gpus[g.UUID], free[g.UUID] = g, to-from
		h.Coverage.Expected += to - from
	})
	blank := func(uuid string) usage.Segment {
		g := gpus[uuid]
		return usage.Segment{Cluster: cluster, Node: g.Node, UUID: uuid, Model: g.Model, HeldFrom: from, HeldTo: to, Share: 1}
	}
	f.Holdings(hour.From, hour.To, func(held *fleet.Holding) {
		s := blank(held.UUID)
		s.State, s.Namespace, s.Pod, s.PodUID, s.Container = usage.Allocated, held.Namespace, held.Pod, held.PodUID, held.Container
		s.HeldFrom, s.HeldTo, s.Share = max(from, held.From), min(to, held.To), float64(held.Milli)/1000
		s.GPUMillis = held.Held(from, to) / 1000
		s.ActiveMillis, s.IdleMillis, s.ObservedMillis = s.GPUMillis*held.Active/1000, s.GPUMillis*held.Idle/1000, s.GPUMillis
		s.MemoryByteSeconds = held.Memory / 1000 * (s.HeldTo - s.HeldFrom)
		s.EnergyMillijoules = held.Milliwatts * (s.HeldTo - s.HeldFrom) / 1000
		h.Segments = append(h.Segments, s)
		free[held.UUID] -= s.GPUMillis
	})
	for uuid, ms := range free {
		if ms > 0 {
			s := blank(uuid)
			s.State, s.GPUMillis = usage.Unallocated, ms
			h.Segments = append(h.Segments, s)
			h.Coverage.Unallocated += ms
		}
	}
	h.Coverage.Allocated = h.Coverage.Expected - h.Coverage.Unallocated
	slices.SortFunc(h.Segments, usage.Compare)
	return h
}

// settings is the configuration of the reporter.
const settings = "gputally.yaml"

// projects is how many projects share the teams of a fleet.
const projects = 20

// projectOf names the project of a team.
func projectOf(team int) string { return fmt.Sprintf("project-%02d", team%projects) }

func teamName(team int) string { return fmt.Sprintf("team-%02d", team) }

// writeSettings writes a configuration in which the teams are of projects. It
// names a server, as it must, that nothing is asked of.
func writeSettings(dir, store string) error {
	var text strings.Builder
	text.WriteString("projects:\n")
	for p := range projects {
		var teams []string
		for team := p; team < fleet.Teams; team += projects {
			teams = append(teams, teamName(team))
		}
		fmt.Fprintf(&text, "  - {name: %s, namespaces: [%s]}\n", projectOf(p), strings.Join(teams, ", "))
	}
	if err := os.WriteFile(filepath.Join(dir, "projects.yaml"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	main := fmt.Sprintf("cluster: %s\nprometheus: {url: http://127.0.0.1:9}\nbucket: {url: %q}\nprojects: projects.yaml\n", cluster, fileURL(store))
	return os.WriteFile(filepath.Join(dir, settings), []byte(main), 0o600)
}
