package kubelet

import (
	"time"

	"github.com/gputally/gputally/collector/device"
)

// nameTime is how long a pod that holds claims only may wait for its log folder. The
// kubelet makes it once the drivers have prepared the claims.
const nameTime = 20 * time.Second

// await decides on a pod that holds claims only and whose UID is not known. The
// checkpoint can't say whose claims are, so that nothing speaks for another pod: it
// is listed from the beginning. Its UID is pending as long as its log folder may
// tell; without folders it has none.
func (n *identities) await(p *pod, s sighting, now time.Time) {
	if p.plugged() || p.ended || p.uid != "" || s.uid != "" {
		return
	}
	folders := n.logs.dir != "" && n.logs.err == nil
	p.pending = folders && (p.unclear || now.Sub(s.first) < nameTime)
	p.unclear = false
}

// stays adds those of a pod that holds claims only.
func (p pod) stays(all map[device.Holder]device.Stay, as []device.Allocation) map[device.Holder]device.Stay {
	if p.stay == 0 || p.plugged() {
		return all
	}
	if all == nil {
		all = map[device.Holder]device.Stay{}
	}
	for _, a := range as {
		all[a.Holder] = device.Stay{Number: p.stay, Pending: p.pending}
	}
	return all
}
