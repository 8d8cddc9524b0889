package meter

import "github.com/gputally/gputally/collector/device"

// advice is what to do about a dispute, by its reason; there is none about one that
// ends by itself, and noteAdmins has that about admin access.
var advice = map[string]string{
	device.DisputePods:    "the kubelet names several pods for one device id; look for a pod that has ended and is listed still",
	device.DisputeClaim:   "several pods name one ResourceClaim; give each a claim of its own (resourceClaimTemplateName), or divide it among them with --dra.split-shared-claims",
	device.DisputeSize:    "nobody says how large a part of the GPU is that is held; look for a claim on a share of it (consumable capacity), or for slots that no device plugin offers",
	device.DisputeName:    "it is held under a name that is not known as one of GPUs; the log says under which one",
	device.DisputeOverlap: "more than the whole GPU is held; look for two device plugins or drivers that hand out the same GPU",
}

// noteDisputes logs the disputes that were not there in the answer before.
func (l *Loop) noteDisputes(all []device.Dispute) {
	now := make(map[device.Dispute]bool, len(all))
	for _, d := range all {
		now[d] = true
		if help, ok := advice[d.Reason]; ok && !l.disputes[d] {
			l.cfg.Logger.Warn("It is not clear who holds a GPU; it is charged to nobody until it is",
				"namespace", d.Namespace, "pod", d.Pod, "uuid", d.UUID, "reason", d.Reason, "advice", help)
		}
	}
	l.disputes = now
}
