//go:build linux && cgo

package nvml

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/gputally/gputally/collector/device"
)

var _ device.Source = (*Source)(nil)

// Source reads GPUs through NVML. Use one per process: a second one would get
// the library that the first one loaded, wherever it points.
type Source struct {
	cfg      Config
	released atomic.Bool

	mu       sync.Mutex // one Inventory at a time; guards all below
	closed   bool
	driver   *driver
	lane     lane // of calls to the driver as a whole
	session  session
	slots    []*slot
	nameless string // what was logged last about GPUs that don't say who they are
	worked   bool   // a GPU was up once
}

// slot is one index of the driver's list of GPUs.
type slot struct {
	lane  lane
	past  past // used on the lane only
	known gpu
	gap   bool // the reading before this one was given up
}

// New prepares a source. It touches neither library nor driver; Inventory does.
func New(cfg Config) (*Source, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	path := cmp.Or(cfg.LibraryPath, "libnvidia-ml.so.1")
	return &Source{
		cfg:    cfg,
		lane:   newLane(),
		driver: &driver{lib: nvml.New(nvml.WithLibraryPath(path)), path: path, cfg: cfg},
	}, nil
}

// Inventory reads all GPUs, side by side. Without a driver the error is
// ErrNoDriver, after its replacement ErrDriverChanged, and ErrHangs if it
// doesn't answer. Model, bus id and minor number are read when a GPU is first
// seen; a GPU that fails later keeps them. One that fails before it could say
// its UUID is counted as nameless, which is logged when it changes.
func (s *Source) Inventory(ctx context.Context) (device.Inventory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return device.Inventory{}, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return device.Inventory{}, err
	}
	if s.released.Load() {
		return device.Inventory{}, s.release(ctx)
	}
	now, err := s.open(ctx)
	if err != nil {
		return device.Inventory{}, err
	}
	s.enter(now)
	found := s.look(ctx)
	now.events.start()
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return device.Inventory{}, err
	}
	gpus := s.gather(found)
	return device.Inventory{
		DriverVersion: now.driver,
		CUDAVersion:   now.cuda,
		Session:       now.number,
		GPUs:          gpus,
		Nameless:      now.count - len(gpus),
		Restart:       s.restart(found),
	}, nil
}

func (s *Source) open(ctx context.Context) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	type answer struct {
		session session
		err     error
	}
	a, err := through(ctx, s.lane, func() answer {
		now, err := s.driver.open()
		return answer{now, err}
	})
	if err != nil {
		return session{}, fmt.Errorf("ask NVML: %w", hung(err))
	}
	return a.session, a.err
}

// enter makes a slot for each GPU. When the driver was opened again or the
// number of GPUs changed, no handle is trusted any more.
func (s *Source) enter(now session) {
	if now.number != s.session.number || now.count != s.session.count {
		for _, t := range s.slots {
			t.known.handle = nil
		}
	}
	for len(s.slots) < now.count {
		s.slots = append(s.slots, &slot{lane: newLane()})
	}
	s.session = now
}

// sight is the outcome of looking at one slot. With an error the GPU is nameless
// or says no more than who it is.
type sight struct {
	gpu gpu
	err error
}

// look asks all GPUs at once, each on its own lane.
func (s *Source) look(ctx context.Context) []sight {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	found := make([]sight, s.session.count)
	var wg sync.WaitGroup
	for i := range found {
		t, now := s.slots[i], s.session
		before, gap := t.known, t.gap
		wg.Go(func() {
			seen, err := through(ctx, t.lane, func() sight {
				if gap {
					t.past.interrupt()
				}
				g, err := now.look(i, before, &t.past)
				return sight{g, err}
			})
			found[i] = sight{seen.gpu, cmp.Or(hung(err), seen.err)}
		})
	}
	wg.Wait()
	return found
}

// gather keeps what was seen and makes the list for the caller: each UUID
// once, and one that answers before one that is only remembered.
func (s *Source) gather(found []sight) []device.GPU {
	byUUID := map[string]device.GPU{}
	var nameless []string
	for i, f := range found {
		known := &s.slots[i].known
		s.slots[i].gap = f.err != nil
		switch _, twice := byUUID[f.gpu.UUID]; {
		case f.err == nil && twice:
			nameless = append(nameless, fmt.Sprintf("GPU %d: says the UUID of another, %s", i, f.gpu.UUID))
		case f.err == nil:
			*known = f.gpu.identity()
			byUUID[f.gpu.UUID] = f.gpu.GPU
		case f.gpu.UUID != "":
			*known = f.gpu.identity()
		}
		if f.err != nil {
			known.handle = nil // it may be another one when the GPU is back
		}
	}
	for i, f := range found {
		g := s.slots[i].known.GPU
		if f.err == nil {
			continue
		}
		if _, there := byUUID[g.UUID]; g.UUID == "" || there {
			nameless = append(nameless, fmt.Sprintf("GPU %d: %v", i, f.err))
			continue
		}
		g.Reading = device.Reading{Reason: f.err.Error(), Processes: -1}
		g.MIG = slices.Clone(g.MIG) // the result is the caller's, the original is remembered
		byUUID[g.UUID] = g
	}
	s.noteNameless(s.cfg.Logger, strings.Join(nameless, "; "))
	gpus := make([]device.GPU, 0, len(byUUID))
	for _, g := range byUUID {
		g.XIDs = s.driver.xids.of(g.UUID)
		gpus = append(gpus, g)
	}
	slices.SortFunc(gpus, func(a, b device.GPU) int { return cmp.Compare(a.UUID, b.UUID) })
	return gpus
}

// restart says what another process may see that this one sees no more.
func (s *Source) restart(found []sight) string {
	s.worked = s.worked || slices.ContainsFunc(found, func(f sight) bool { return f.err == nil })
	for _, f := range found {
		if f.err == nil && f.gpu.Unlisted != "" {
			return fmt.Sprintf("%s: %s", f.gpu.UUID, f.gpu.Unlisted)
		}
	}
	works := slices.ContainsFunc(found, func(f sight) bool { return f.err == nil })
	first := slices.IndexFunc(found, func(f sight) bool { return curable(f.err) })
	if !s.worked || works || first < 0 {
		return ""
	}
	return fmt.Sprintf("no GPU answers: %v", found[first].err)
}

// noteNameless logs the GPUs without a UUID when their list changes.
func (s *Source) noteNameless(log *slog.Logger, now string) {
	if now == s.nameless {
		return
	}
	s.nameless = now
	if now != "" {
		log.Warn("GPUs don't say their UUID and are left out", "gpus", now)
	}
}
