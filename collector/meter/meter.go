package meter

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// Config of a Meter.
type Config struct {
	// Start is when the process began to meter. Required.
	Start time.Time
	// MaxGap is the longest time that is charged without a poll that knew both
	// GPUs and holders. Default 10 s.
	MaxGap time.Duration
	// Retain is how long an ended holding or a vanished GPU stays on the
	// snapshot, so that its last values are scraped. Default 10 min.
	Retain time.Duration
	// ByProcess finds what a container does from its processes, whose owners are
	// in the inventory, where others are on the GPU. Without it, that is unknown.
	ByProcess bool
	// SplitEvenly divides what a shared GPU does among its holders, by share,
	// where it is not known of each. Without it, that stays unknown.
	SplitEvenly bool
}

func (c *Config) defaults() error {
	if c.Start.IsZero() {
		return errors.New("meter: Config.Start is required")
	}
	if c.MaxGap == 0 {
		c.MaxGap = 10 * time.Second
	}
	if c.Retain == 0 {
		c.Retain = 10 * time.Minute
	}
	return nil
}

// Observation is what one poll saw.
type Observation struct {
	At time.Time // with the monotonic reading, when the clock has one
	// Inventory is nil when the driver could not be asked.
	Inventory *device.Inventory
	// Holders is nil when the kubelet could not be asked.
	Holders *Attribution
	// Released is true while the driver is released on request: from now on
	// nothing is charged to what was seen last.
	Released bool
}

// complete tells whether the poll knew both GPUs and holders.
func (o Observation) complete() bool { return o.Inventory != nil && o.Holders != nil }

// Attribution says who holds the GPUs.
type Attribution struct {
	Holdings []device.Holding // each (holder, UUID) once; shares of a GPU sum to at most 1
	// Unattributed is the share of a GPU that is held, but by whom is not clear.
	Unattributed map[string]float64
	Unresolved   []string // device ids held that no GPU answers to, sorted
	// Offered says whether the device plugin offers some of a GPU, so that what is
	// free of it can be scheduled; a GPU is missing if that isn't known.
	Offered   map[string]bool
	Ambiguous int
	Disputes  []device.Dispute // sorted, each once
	Admins    int              // ResourceClaims that hold nothing, as they have admin access
	// Stays are those of holders whose UIDs may come to be known. What a holder of a
	// pending stay has is metered, and shown once the UID is known or can't be known.
	Stays map[device.Holder]device.Stay
	// Estimated are holders of whom it isn't known whether they still are there. If
	// they turn out not to be, they ended when that was last known.
	Estimated map[device.Holder]bool
}

// Meter integrates observations. It is not safe for concurrent use.
type Meter struct {
	cfg      Config
	last     time.Time // latest time of an observation, the start before the first
	at       time.Time // time of the latest observation: before last after a step back of the clock
	known    time.Time // latest time at which both GPUs and holders were known
	until    time.Time // what was known is good until then
	devices  map[string]*deviceMeter
	holdings map[holdingKey]*holdingMeter
	tenants  map[string][]*holdingMeter // who holds a GPU now, by its UUID
	driver   Driver
	nameless int
	current  bool // the latest observation had an inventory
	now      Attribution
	polls    int64
	lost     time.Duration
}

type holdingKey struct {
	holder device.Holder
	uuid   string
	stay   int64 // number of a pending stay, 0 for a holding that is shown
}

// New returns a meter that has seen nothing.
func New(cfg Config) (*Meter, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	return &Meter{
		cfg:      cfg,
		last:     cfg.Start,
		devices:  map[string]*deviceMeter{},
		holdings: map[holdingKey]*holdingMeter{},
	}, nil
}

// Observe charges the time since the observation before and takes in the new
// one. Observations must come in the order of time; one that is not later than
// the one before charges nothing.
func (m *Meter) Observe(o Observation) *Snapshot {
	m.polls++
	m.charge(o)
	m.take(o)
	m.at = o.At
	if o.At.After(m.last) {
		m.last = o.At
	}
	m.forget()
	return m.snapshot(o.At)
}

// charge adds the time since the latest observation to what was seen then.
func (m *Meter) charge(o Observation) {
	passed := max(0, o.At.Sub(m.last))
	if m.known.IsZero() {
		if m.polls > 1 || !o.complete() { // a first poll that succeeds has missed nothing
			m.lost += passed
		}
		for _, dm := range m.devices {
			dm.lose()
		}
		return
	}
	d := max(0, min(passed, m.until.Sub(m.last)))
	m.lost += passed - d
	// What the driver counted meanwhile is of the time charged, and of no other.
	whole := passed == d && d > 0 && !m.at.Before(m.last)
	gpus := map[string]*device.GPU{}
	if o.Inventory != nil {
		for i := range o.Inventory.GPUs {
			gpus[o.Inventory.GPUs[i].UUID] = &o.Inventory.GPUs[i]
		}
	}
	for uuid, dm := range m.devices {
		if !dm.gone.IsZero() {
			pause(m.tenants[uuid])
			continue
		}
		s := dm.step(d, whole, gpus[uuid])
		if !m.cfg.ByProcess {
			s.reading.Running, s.unlisted = nil, false
		}
		dm.charge(s)
		m.chargeTenants(dm, s, m.tenants[uuid])
	}
}

func (m *Meter) chargeTenants(dm *deviceMeter, s step, tenants []*holdingMeter) {
	if dm.state != allocated {
		dm.bill.idle()
		pause(tenants)
		return
	}
	all := works(s, tenants, dm.doubt, m.cfg.SplitEvenly)
	dm.bill.add(s.d, tenants, all, s.othersOf(tenants), dm.doubt == 0)
	if s.joules != nil {
		dm.bill.divide(*s.joules, tenants, all)
	}
	for i, w := range all {
		tenants[i].charge(s.d, w)
	}
}

// alone is who has the GPU to himself, nil for nobody.
func alone(tenants []*holdingMeter) *holdingMeter {
	if len(tenants) == 1 && tenants[0].sole {
		return tenants[0]
	}
	return nil
}

// take makes the new observation the state that the coming time is charged to.
// The half that is not known stays as it was.
func (m *Meter) take(o Observation) {
	m.current = o.Inventory != nil
	if o.Inventory != nil {
		m.takeInventory(o.At, *o.Inventory)
	}
	if o.Holders != nil {
		m.takeHolders(o.At, *o.Holders)
	}
	if o.complete() {
		m.known, m.until = o.At, o.At.Add(m.cfg.MaxGap)
	}
	if o.Released && o.At.Before(m.until) {
		m.until = o.At
	}
	m.settle()
}

func (m *Meter) takeInventory(at time.Time, inv device.Inventory) {
	m.driver = Driver{Version: inv.DriverVersion, CUDA: inv.CUDAVersion}
	m.nameless = inv.Nameless
	seen := make(map[string]bool, len(inv.GPUs))
	for _, g := range inv.GPUs {
		seen[g.UUID] = true
		dm := m.devices[g.UUID]
		if dm == nil {
			dm = &deviceMeter{}
			m.devices[g.UUID] = dm
		}
		dm.take(g)
	}
	for uuid, dm := range m.devices {
		if !seen[uuid] && dm.gone.IsZero() {
			dm.gone = at
		}
	}
}

func (m *Meter) takeHolders(at time.Time, a Attribution) {
	m.now = a
	m.tenants = make(map[string][]*holdingMeter, len(m.devices))
	seen := make(map[holdingKey]bool, len(a.Holdings))
	for _, h := range a.Holdings {
		hm := m.holding(h, a.Stays[h.Holder], at)
		seen[hm.key] = true
		hm.take(h, at, a.Estimated[h.Holder])
		m.tenants[h.UUID] = append(m.tenants[h.UUID], hm)
	}
	for key, hm := range m.holdings {
		if !seen[key] && hm.ended.IsZero() {
			hm.end(at)
			m.reveal(hm, holdingKey{key.holder, key.uuid, 0})
		}
	}
}

// rounding is what the shares of a GPU that is held whole may sum to below 1.
const rounding = 1e-9

// settle decides to which state each GPU's coming time goes.
func (m *Meter) settle() {
	shares := make(map[string]float64, len(m.devices))
	for _, h := range m.now.Holdings {
		shares[h.UUID] += h.Share
	}
	for uuid, dm := range m.devices {
		dm.offered = nil
		if offered, known := m.now.Offered[uuid]; known {
			dm.offered = &offered
		}
		shared := min(1, shares[uuid])
		doubt, unplaced := min(1-shared, m.now.Unattributed[uuid]), len(m.now.Unresolved) > 0
		if rest := 1 - shared; unplaced && dm.gpu.Unlisted != "" && rest > rounding {
			doubt = rest // what is held may be there
		}
		for _, t := range m.tenants[uuid] {
			t.sole = t.single && doubt == 0
		}
		dm.settle(shared, doubt, residents{m.tenants[uuid], m.cfg.ByProcess, unplaced})
	}
}

// forget drops holdings that ended longer ago than the retention. A GPU is only
// hidden: it may come back, and its counters must go on.
func (m *Meter) forget() {
	maps.DeleteFunc(m.holdings, func(_ holdingKey, hm *holdingMeter) bool {
		return !hm.ended.IsZero() && m.last.Sub(hm.gone) > m.cfg.Retain
	})
}

func (m *Meter) snapshot(at time.Time) *Snapshot {
	s := &Snapshot{
		Start:      m.cfg.Start,
		Taken:      at,
		Known:      m.known,
		Until:      m.until,
		Devices:    make([]Device, 0, len(m.devices)),
		Holdings:   make([]Holding, 0, len(m.holdings)),
		Polls:      m.polls,
		Unresolved: m.now.Unresolved,
		Ambiguous:  m.now.Ambiguous,
		Disputes:   m.now.Disputes,
		Admins:     m.now.Admins,
		Unobserved: m.lost,
	}
	if m.current {
		s.Driver, s.Nameless = m.driver, new(m.nameless)
	}
	for _, dm := range m.devices {
		if dm.gone.IsZero() || m.last.Sub(dm.gone) <= m.cfg.Retain {
			s.Devices = append(s.Devices, dm.snapshot(m.current))
		}
	}
	slices.SortFunc(s.Devices, func(a, b Device) int { return cmp.Compare(a.GPU.UUID, b.GPU.UUID) })
	for _, hm := range m.holdings {
		if hm.key.stay != 0 {
			continue
		}
		if hm.estimated {
			s.Estimated++
		}
		s.Holdings = append(s.Holdings, hm.snapshot())
	}
	slices.SortFunc(s.Holdings, compareHoldings)
	return s
}

func compareHoldings(a, b Holding) int {
	return cmp.Or(cmp.Compare(a.UUID, b.UUID), a.Holder.Compare(b.Holder))
}
