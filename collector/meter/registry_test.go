package meter_test

import (
	"context"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

// offer asks the device plugin.
func (f *fleet) offer() {
	f.offered = map[*card][]cell{}
	for _, c := range f.cards {
		if !c.refused {
			f.offered[c] = c.cells()
		}
	}
}

// Holders is what the kubelet says.
func (f *fleet) Holders(context.Context) (device.Holders, error) {
	if f.kubeletFails {
		return device.Holders{}, errDown
	}
	h := device.Holders{Offered: map[string][]string{}}
	f.offer()
	for _, c := range f.cards {
		for _, x := range f.offered[c] {
			h.Offered["nvidia.com/gpu"] = append(h.Offered["nvidia.com/gpu"], x.id)
		}
	}
	for _, t := range f.tenancies {
		a := device.Allocation{Holder: t.holder, Resource: "nvidia.com/gpu", Devices: []string{t.cell.id}}
		if t.claim != "" {
			a = device.Allocation{Holder: t.holder, Claims: []device.Claim{claimOf("ns", t.claim, t.cell.id)}}
		}
		if t.unclear {
			h.Withheld = append(h.Withheld, a)
		} else {
			h.Allocations = append(h.Allocations, a)
		}
	}
	if f.watched {
		a := device.Allocation{Holder: device.Holder{Namespace: watchers, Pod: "watch", Container: "main"}}
		for _, c := range f.cards {
			a.Claims = append(a.Claims, claimOf(watchers, "all", c.uuid))
		}
		h.Allocations = append(h.Allocations, a)
	}
	h.Ambiguous = len(h.Withheld)
	return h, nil
}

// watchers is the namespace of claims with admin access.
const watchers = "watchers"

// claimOf is a claim on a device, by its id.
func claimOf(namespace, name, id string) device.Claim {
	return device.Claim{Namespace: namespace, Name: name, Driver: "gpu.nvidia.com", Pool: "node", Device: id, CDI: []string{id}}
}

// attribution is how the claims of the world are understood.
func (f *fleet) attribution() attribution.Config {
	return attribution.Config{
		Claims:      func(c device.Claim) []string { return c.CDI },
		SplitClaims: f.split,
		Admin:       func(n device.ClaimName) bool { return n.Namespace == watchers },
	}
}
