package kubelet

import (
	"maps"
	"slices"
	"time"
)

// overFor is how long a pod that is not listed is known to have ended: longer than
// a kubelet takes to restart.
const overFor = 10 * time.Minute

// supersede finds the pods that are listed after their end. The kubelet gives a
// device to one pod at a time: where it lists one with two, the former has ended.
func (r *records) supersede(pods []pod, names *identities, now time.Time) {
	if r.over == nil {
		r.over = map[string]time.Time{}
	}
	with := map[givenDevice][]*pod{}
	for i := range pods {
		pods[i].eachPlugged(func(d givenDevice) { with[d] = append(with[d], &pods[i]) })
	}
	for d, holders := range with {
		if len(holders) < 2 {
			continue
		}
		if heir := r.heir(names.confirmed(d, holders)); heir != nil {
			for _, p := range holders {
				r.over[p.key] = now
			}
			delete(r.over, heir.key)
		}
	}
	for i := range pods {
		if p := &pods[i]; !r.over[p.key].IsZero() {
			p.over, r.over[p.key] = true, now
		}
	}
	maps.DeleteFunc(r.over, func(_ string, at time.Time) bool { return now.Sub(at) > overFor })
}

// heir is the pod that was listed last, nil if there are several.
func (r *records) heir(holders []*pod) *pod {
	var last *pod
	several := false
	for _, p := range holders {
		switch {
		case !r.over[p.key].IsZero() && len(holders) > 1:
		case last == nil || r.pods[p.key].first.After(r.pods[last.key].first):
			last, several = p, false
		case !r.pods[p.key].first.Before(r.pods[last.key].first):
			several = true
		}
	}
	if several {
		return nil
	}
	return last
}

// eachPlugged calls f with the pod's devices of device plugins, each once.
func (p pod) eachPlugged(f func(givenDevice)) {
	var seen []givenDevice
	for _, a := range p.allocations {
		for _, id := range a.Devices {
			if d := (givenDevice{a.Resource, id}); !slices.Contains(seen, d) {
				seen = append(seen, d)
				f(d)
			}
		}
	}
}

// confirmed leaves those of the holders of a device whose UID the checkpoint may
// have with it; all if it says nothing of them.
func (n *identities) confirmed(d givenDevice, holders []*pod) []*pod {
	if n == nil || !n.file.reads() {
		return holders
	}
	var all []*pod
	for _, p := range holders {
		own := n.seen[p.key].uid
		if slices.ContainsFunc(n.holding(d, *p), func(uid string) bool { return !n.ended(uid) && (uid == own || own == "" && n.free(uid, *p)) }) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return holders
	}
	return all
}

// holding are the UIDs that the checkpoint has with a device of the pod.
func (n *identities) holding(d givenDevice, p pod) []string {
	var uids []string
	for _, a := range p.allocations {
		if a.Resource == d.resource && slices.Contains(a.Devices, d.device) {
			uids = append(uids, n.file.uids[grant{a.Holder.Container, d.resource, d.device}]...)
		}
	}
	return uids
}

// free is true for a UID that may be the pod's: it is not known as another's.
func (n *identities) free(uid string, p pod) bool {
	owner, owned := n.owners[uid]
	return !owned || owner == p.name()
}
