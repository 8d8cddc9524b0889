package kubelet

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// offers is the latest list of allocatable devices.
type offers struct {
	devices map[string][]string // ids by resource; never changed once made
	at      time.Time
	dials   int64 // connections made until then
	known   bool
}

// offered returns the allocatable devices. It asks again when the list is old or
// comes from an earlier connection. A kubelet that has just started offers
// nothing until the device plugin registers: such a list is not kept while
// somebody holds devices.
func (c *Client) offered(ctx context.Context, held bool) (map[string][]string, error) {
	now, dials := c.cfg.Now(), c.connections()
	last := c.offers
	if last.known && dials == last.dials && now.Sub(last.at) < offersAge && (!held || len(last.devices) > 0) {
		return last.devices, nil
	}
	answer, err := c.api.GetAllocatableResources(ctx, &podresources.AllocatableResourcesRequest{})
	switch {
	case err == nil:
		c.offers = offers{devices: c.offersOf(answer), at: now, dials: dials, known: true}
	case status.Code(err) == codes.Unimplemented: // before Kubernetes 1.23
		c.offers = offers{at: now, dials: dials, known: true}
	case !last.known:
		return nil, explain("list allocatable devices", c.cfg.Socket, err)
	default:
		// What was offered last still holds: devices come and go rarely. The
		// next poll asks again.
		c.cfg.Logger.Debug("Kept the former list of allocatable devices", "err", err)
	}
	return c.offers.devices, nil
}

func (c *Client) offersOf(answer *podresources.AllocatableResourcesResponse) map[string][]string {
	devices := map[string][]string{}
	for _, d := range answer.GetDevices() {
		if c.keep(d.GetResourceName()) {
			devices[d.GetResourceName()] = append(devices[d.GetResourceName()], d.GetDeviceIds()...)
		}
	}
	for resource, ids := range devices {
		slices.Sort(ids)
		devices[resource] = slices.Compact(ids)
	}
	return devices
}
