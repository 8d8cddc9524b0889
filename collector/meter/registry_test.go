package meter_test

import (
	"context"

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
		if t.unclear {
			h.Withheld = append(h.Withheld, a)
		} else {
			h.Allocations = append(h.Allocations, a)
		}
	}
	h.Ambiguous = len(h.Withheld)
	return h, nil
}
