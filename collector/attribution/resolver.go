package attribution

import (
	"maps"
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// Config of a Resolver.
type Config struct {
	// Claims returns the ids of the devices that a DRA driver's device is, in
	// forms that ParseID knows; none if it does not know. Default: knows none.
	Claims func(device.Claim) []string
	// Portion returns which part of a DRA driver's device a share with a
	// ShareID is, above 0 and at most 1; 0 if it does not know. Default: 0.
	Portion func(device.Claim) float64
	// SplitClaims divides a ResourceClaim that several pods name evenly among
	// them, and each pod's part among its containers. Default: it is in dispute.
	SplitClaims bool
	// Admin is true for the ResourceClaims that have admin access: they look on, and
	// hold nothing. Default: none.
	Admin func(device.ClaimName) bool
}

func (c *Config) defaults() {
	if c.Claims == nil {
		c.Claims = func(device.Claim) []string { return nil }
	}
	if c.Portion == nil {
		c.Portion = func(device.Claim) float64 { return 0 }
	}
	if c.Admin == nil {
		c.Admin = func(device.ClaimName) bool { return false }
	}
}

// Result of one Resolve.
type Result struct {
	// Holdings are sorted by UUID, namespace, pod, pod UID and container, with
	// one entry for each holder and GPU.
	Holdings []device.Holding
	// Unattributed is the share of a GPU, above 0 and at most 1, that is held,
	// but by whom is not clear: its time is nobody's. A GPU's holdings and its
	// unattributed share sum to at most 1; at 1 it has no holdings.
	Unattributed map[string]float64
	// Disputes say whose hold on a GPU is charged to nobody, and why. Sorted,
	// each once.
	Disputes []device.Dispute
	// Admins are the ResourceClaims that hold nothing: by Config.Admin, or as others
	// hold what they are on. Contested are those of which one has to have admin access,
	// and nobody knows which. Sorted.
	Admins, Contested []device.ClaimName
	// Unresolved lists the held device ids that no known GPU answers to, DRA
	// devices as driver/pool/device. Sorted.
	Unresolved []string
	// Offered says whether the device plugin offers some of a GPU; a GPU is missing
	// if that isn't known.
	Offered map[string]bool
}

// Resolver turns device ids into shares of physical GPUs. It remembers how each
// device was offered last. It is not safe for concurrent use.
type Resolver struct {
	cfg    Config
	offers map[string]offer          // by device
	found  map[device.ClaimName]bool // that were found to have admin access, while they are listed
	plugin plugin
}

// pool is a device cut into slots that are handed out as one resource.
type pool struct{ device, resource string }

// New returns a Resolver that has seen nothing.
func New(cfg Config) *Resolver {
	cfg.defaults()
	return &Resolver{cfg: cfg, offers: map[string]offer{}, found: map[device.ClaimName]bool{}, plugin: plugin{once: map[string]bool{}}}
}

// Resolve says who holds which share of which GPU. The result does not depend
// on the order of anything in the arguments.
func (r *Resolver) Resolve(inv device.Inventory, h device.Holders) Result {
	at := newPlaces(inv)
	r.forget(at)
	r.learn(at, h.Offered)
	c := newClaims(r.cfg, at)
	for _, a := range h.Allocations {
		c.add(a, true)
	}
	for _, a := range h.Withheld {
		c.add(a, false)
	}
	contested := r.admit(c)
	c.addUnknown(h.Unknown)
	result := settle(c.units, r.sizes(c.units))
	maps.Copy(c.admins, r.found)
	result.Admins, result.Contested = names(c.admins), names(contested)
	result.Offered = r.plugin.offers(inv, at, h)
	result.Unresolved = slices.Sorted(maps.Keys(c.unresolved))
	return result
}
