package attribution

import (
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// disputes lists the pods whose units are charged to nobody.
func disputes(units map[unit]claim, gpus map[string]*gpuState) []device.Dispute {
	var all []device.Dispute
	for _, c := range units {
		reason := c.reason()
		if s := gpus[c.gpu]; reason == "" && s.unknown {
			reason = device.DisputeSize
		} else if reason == "" && s.over() {
			reason = device.DisputeOverlap
		}
		if reason == "" {
			continue
		}
		for _, h := range c.holders {
			all = append(all, device.Dispute{Namespace: h.Namespace, Pod: h.Pod, UUID: c.gpu, Reason: reason})
		}
	}
	slices.SortFunc(all, device.Dispute.Compare)
	return slices.Compact(all)
}

// reason is why the unit is in dispute by itself, "" if it is not.
func (c claim) reason() string {
	several := c.several()
	switch {
	case c.foreign:
		return device.DisputeName
	case c.contested:
		return device.DisputeAdmin
	case several && !c.common:
		return device.DisputePods
	case several && !c.even:
		return device.DisputeClaim
	case slices.ContainsFunc(c.holders, func(h holder) bool { return !h.clear }):
		return device.DisputeUID
	default:
		return ""
	}
}
