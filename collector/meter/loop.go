package meter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/bounds"
	"github.com/gputally/gputally/collector/device"
)

// LoopConfig of a Loop.
type LoopConfig struct {
	Source device.Source // required
	// Registry is nil where there is no kubelet: then nobody holds anything.
	Registry device.Registry
	// Owners says whose processes use the GPUs, and their programs' names. Nil
	// where nobody knows.
	Owners Owners
	// ByProcess: see Config. It needs Owners.
	ByProcess bool
	// Attribution says what device ids and claims are.
	Attribution attribution.Config
	// Checkpoint returns, after a successful Registry.Holders, why pod UIDs could
	// not be read, nil if they could. Nil where none are looked for.
	Checkpoint func() error
	// Cgroups returns, after Registry.Holders, why the pods' cgroups are not seen, nil
	// if they are. Nil where nobody looks.
	Cgroups func() error
	// SplitEvenly: see Config.
	SplitEvenly bool
	Interval    time.Duration    // between polls, default 1 s
	MaxGap      time.Duration    // see Config
	Retain      time.Duration    // see Config
	Now         func() time.Time // required
	Logger      *slog.Logger     // default: discards
	// Fatal is true for the errors of a source that must end the process. Default: none.
	Fatal func(error) bool
	// GiveUp is how long the driver may fail, after a GPU was up once, until the loop
	// ends with ErrGaveUp. Default: for ever.
	GiveUp time.Duration
}

// strangersAgain is how long nothing more is logged of strangers on a GPU.
const strangersAgain = 10 * time.Minute

// Owners finds the owners of processes.
type Owners interface {
	// Owners sets Owner and Name of every process in the inventory, zero if unknown.
	Owners(inv *device.Inventory)
}

func (c *LoopConfig) defaults() error {
	if c.Source == nil || c.Now == nil {
		return errors.New("meter: LoopConfig.Source and Now are required")
	}
	if c.ByProcess && c.Owners == nil {
		return errors.New("meter: LoopConfig.ByProcess needs Owners")
	}
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Fatal == nil {
		c.Fatal = func(error) bool { return false }
	}
	return nil
}

// Loop polls the sources on its own clock, feeds the meter, and publishes what
// it knows. Run may be called once; Latest and Ticked at any time.
type Loop struct {
	cfg       LoopConfig
	meter     *Meter
	resolver  *attribution.Resolver
	bounds    *bounds.Checker
	nvml      sourceHealth
	endurance endurance
	kubelet   sourceHealth
	names     sourceHealth
	cgroups   sourceHealth
	unknown   map[string]bool           // unresolved ids of the latest answer, which were logged
	admins    map[device.ClaimName]bool // with admin access, which were logged
	contested map[device.ClaimName]bool // in the latest answer, which were logged
	foreign   map[string]bool           // resources and DRA drivers that are not known as those of GPUs, which were logged
	disputes  map[device.Dispute]bool   // of the latest answer, which were logged
	down      map[string]*reasons       // of the latest inventory's GPUs that did not answer, by UUID
	strangers map[string]time.Time      // when they were logged, by UUID
	latest    atomic.Pointer[Snapshot]
	ticked    atomic.Int64 // Unix ms at which the latest poll began
}

// NewLoop returns a loop that has not polled yet.
func NewLoop(cfg LoopConfig) (*Loop, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	m, err := New(Config{Start: cfg.Now(), MaxGap: cfg.MaxGap, Retain: cfg.Retain, ByProcess: cfg.ByProcess, SplitEvenly: cfg.SplitEvenly})
	if err != nil {
		return nil, err
	}
	return &Loop{
		cfg:       cfg,
		meter:     m,
		resolver:  attribution.New(cfg.Attribution),
		bounds:    bounds.New(cfg.Logger),
		strangers: map[string]time.Time{},
		foreign:   map[string]bool{},
		nvml:      sourceHealth{name: SourceNVML},
		endurance: endurance{limit: cfg.GiveUp},
		kubelet:   sourceHealth{name: SourceKubelet},
		names:     sourceHealth{name: SourceCheckpoint},
		cgroups:   sourceHealth{name: SourceCgroup, fault: "Which pods there are is not seen"},
	}, nil
}

// Latest returns the snapshot of the latest poll, nil before the first.
func (l *Loop) Latest() *Snapshot { return l.latest.Load() }

// Ticked returns when the latest poll began, the zero time before the first.
func (l *Loop) Ticked() time.Time {
	if ms := l.ticked.Load(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// Run polls until ctx ends, at once and then every interval. It returns nil
// when ctx ends, the error of a source that Fatal picked, or ErrGaveUp.
func (l *Loop) Run(ctx context.Context) error {
	ticker := time.NewTicker(l.cfg.Interval)
	defer ticker.Stop()
	for {
		if err := l.Poll(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Poll makes one poll and publishes its snapshot.
func (l *Loop) Poll(ctx context.Context) error {
	l.ticked.Store(l.cfg.Now().UnixMilli())
	inv, err := l.inventory(ctx)
	if err != nil {
		return err
	}
	holders := l.holders(ctx, inv)
	s := l.meter.Observe(Observation{At: l.cfg.Now(), Inventory: inv, Holders: holders, Released: l.nvml.released})
	s.Sources = []SourceHealth{l.endurance.health(&l.nvml)}
	if l.cfg.Registry != nil {
		s.Sources = append(s.Sources, l.kubelet.snapshot())
	}
	if l.cfg.Registry != nil && l.cfg.Checkpoint != nil {
		s.Sources = append(s.Sources, l.names.snapshot())
	}
	if l.cfg.Registry != nil && l.cfg.Cgroups != nil {
		s.Sources = append(s.Sources, l.cgroups.snapshot())
	}
	l.noteStrangers(s)
	s.Impossible = l.bounds.Counts()
	l.latest.Store(s)
	return nil
}

func (l *Loop) inventory(ctx context.Context) (*device.Inventory, error) {
	begin := l.cfg.Now()
	inv, err := l.cfg.Source.Inventory(ctx)
	end := l.cfg.Now()
	l.nvml.note(l.cfg.Logger, err, begin, end)
	if err != nil && l.cfg.Fatal(err) {
		return nil, fmt.Errorf("read GPUs: %w", err)
	}
	lasting := l.endurance.bear(l.cfg.Logger, &inv, err, begin, end)
	if err != nil || lasting != nil {
		return nil, lasting
	}
	l.bounds.Check(&inv, begin, end)
	l.noteDown(inv)
	if l.cfg.Owners != nil {
		l.cfg.Owners.Owners(&inv)
	}
	return &inv, nil
}

// noteDown logs when a GPU goes down, why, when the reason is another, and when it
// is back.
func (l *Loop) noteDown(inv device.Inventory) {
	down := map[string]*reasons{}
	for _, g := range inv.GPUs {
		why, r := l.down[g.UUID], &g.Reading
		if r.Up {
			if why != nil {
				l.cfg.Logger.Info("GPU answers again", "uuid", g.UUID)
			}
			continue
		}
		if why == nil {
			why = &reasons{}
		}
		down[g.UUID] = why
		if why.news(r.Reason, l.cfg.Now()) {
			l.cfg.Logger.Warn("GPU does not answer; its time goes to nobody until it does", "uuid", g.UUID, "reason", r.Reason)
		}
	}
	l.down = down
}

// noteStrangers logs where somebody comes to work who holds nothing, once in ten
// minutes for each GPU.
func (l *Loop) noteStrangers(s *Snapshot) {
	for i := range s.Devices {
		d := &s.Devices[i]
		if d.Others == nil || *d.Others == 0 {
			continue
		}
		uuid := d.GPU.UUID
		last, before := l.strangers[uuid]
		if before && s.Taken.Sub(last) < strangersAgain {
			continue
		}
		l.strangers[uuid] = s.Taken
		l.cfg.Logger.Warn("Somebody works on a GPU who holds nothing of it; it is charged to nobody",
			"uuid", uuid, "processes", *d.Others, "pid", d.Other.PID, "name", d.Other.Name, "pod_uid", d.Other.Owner.PodUID)
	}
}

// holders asks who holds devices and joins the answer with the GPUs. Without
// an inventory device ids can't be resolved, so nothing is known of holders.
func (l *Loop) holders(ctx context.Context, inv *device.Inventory) *Attribution {
	if l.cfg.Registry == nil {
		return &Attribution{}
	}
	begin := l.cfg.Now()
	h, err := l.cfg.Registry.Holders(ctx)
	end := l.cfg.Now()
	l.kubelet.note(l.cfg.Logger, err, begin, end)
	if err == nil && l.cfg.Checkpoint != nil {
		l.names.note(l.cfg.Logger, l.cfg.Checkpoint(), end, end)
	}
	if err == nil && l.cfg.Cgroups != nil {
		l.cgroups.note(l.cfg.Logger, l.cfg.Cgroups(), end, end)
	}
	if err != nil || inv == nil {
		return nil
	}
	r := l.resolver.Resolve(*inv, h)
	l.noteUnresolved(r.Unresolved)
	l.noteDisputes(r.Disputes)
	l.noteForeign(h.Unknown)
	l.noteAdmins(r)
	return &Attribution{
		Holdings:     r.Holdings,
		Unattributed: r.Unattributed,
		Unresolved:   r.Unresolved,
		Offered:      r.Offered,
		Ambiguous:    h.Ambiguous,
		Disputes:     r.Disputes,
		Admins:       len(r.Admins),
		Stays:        h.Stays,
		Estimated:    h.Estimated,
	}
}
