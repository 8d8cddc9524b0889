package kubelet

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// record is what the kubelet said of a pod.
type record struct {
	pod   pod
	first time.Time // when it was first listed
	seen  time.Time // when it was last listed
}

// records remember who was listed. See doc.go for how that completes a list.
type records struct {
	grace   time.Duration // how long a list may lack pods after a new connection
	log     *slog.Logger
	pods    map[string]record // by pod.key, of the latest list and those that go on
	dials   int64             // connections made until the latest list
	since   time.Time         // when the first list came over the present one
	open    bool              // the list may lack pods
	first   bool              // nothing was known before that one
	unnamed []device.Allocation
	over    map[string]time.Time // when a pod was last known to have ended, by pod.key
	late    map[string]record    // those that did not go on for any longer, by pod.key
}

// answer is what the kubelet listed, and what else is known then.
type answer struct {
	pods  []pod
	none  bool        // it named no pod at all, not even one without devices
	names *identities // nil without a source of UIDs
	dials int64       // connections made until now
	now   time.Time
}

// complete returns the pods listed and those that go on though they are missing.
// It sets unnamed to what others hold of whom nothing is known but the UID.
func (r *records) complete(a answer) []pod {
	pods, now := a.pods, a.now
	if a.dials != r.dials {
		r.dials, r.since, r.open = a.dials, now, true
		r.first = r.pods == nil || r.first && len(r.unnamed) > 0
	}
	for i := range pods {
		pods[i].key = pods[i].fingerprint()
		before := r.late[pods[i].key].pod
		pods[i].former = cmp.Or(before.uid, before.former)
	}
	r.unnamed = nil
	if r.open {
		pods = r.recall(a)
	}
	former := r.pods
	r.pods = make(map[string]record, len(pods))
	for _, p := range pods {
		seen := p.seen
		if seen.IsZero() {
			seen = now
		}
		k, known := former[p.key]
		if !known {
			k.first = now
		}
		r.pods[p.key] = record{p, k.first, seen}
	}
	r.supersede(pods, a.names, now)
	r.note(former)
	r.miss(former, now)
	return pods
}

// settled keeps what was decided on the pods.
func (r *records) settled(pods []pod) {
	for _, p := range pods {
		k := r.pods[p.key]
		switch {
		case !p.over:
		case p.uid != "":
			delete(r.over, p.key) // it is another pod of that name
		default:
			r.over[p.key] = k.seen
		}
		k.pod = p
		r.pods[p.key] = k
	}
}

// recall finds out who goes on, and whether the list is complete.
func (r *records) recall(a answer) []pod {
	if a.now.Sub(r.since) >= r.grace {
		r.open = false
		return a.pods
	}
	pods := slices.Clone(a.pods)
	listed := map[string]int{} // places in pods, by name
	keys := make(map[string]bool, len(pods))
	for i, p := range pods {
		listed[p.name()], keys[p.key] = i, true
	}
	given, before := givenTo(pods), given{}
	for _, k := range r.pods {
		before.add(k.pod)
	}
	r.open = false
	for _, key := range slices.Sorted(maps.Keys(r.pods)) {
		k := r.pods[key]
		if keys[key] || k.pod.ended || given.toAnother(k.pod, before) || !a.names.mayHold(k.pod, a.none) {
			continue
		}
		k.pod.verdict, k.pod.seen = verdict{}, k.seen
		if i, named := listed[k.pod.name()]; !named {
			pods = append(pods, k.pod)
		} else if pods[i].partOf(k.pod) {
			pods[i] = k.pod
		} else {
			continue
		}
		r.open = true
	}
	if r.first {
		r.unnamed = a.names.unlisted(givenTo(pods), a.none)
		r.open = r.open || len(r.unnamed) > 0
	}
	return pods
}

// miss keeps those that are missing for longer than they go on, and those that ended
// before the kubelet restarted: it may list both yet.
func (r *records) miss(former map[string]record, now time.Time) {
	maps.DeleteFunc(r.late, func(key string, k record) bool {
		_, listed := r.pods[key]
		return listed || now.Sub(k.seen) > overFor
	})
	for key, k := range former {
		ended := k.pod.ended && now.Sub(r.since) < r.grace
		if _, still := r.pods[key]; !still && (ended || !k.pod.seen.IsZero()) {
			if r.late == nil {
				r.late = map[string]record{}
			}
			r.late[key] = k
		}
	}
}

// note logs when pods begin to go on, and when the list is complete.
func (r *records) note(former map[string]record) {
	missing := func(k record) bool { return !k.pod.seen.IsZero() }
	for key, k := range r.pods {
		if before := former[key]; missing(k) && !missing(before) && r.over[key].IsZero() {
			r.log.Info("The kubelet has restarted and does not list a pod yet; it goes on as estimated", "pod", k.pod.name(), "seen", k.seen)
		}
	}
	for key, k := range former {
		if _, still := r.pods[key]; missing(k) && !still {
			r.log.Warn("A pod is not there any more since the kubelet restarted; it ended when it was last listed", "pod", k.pod.name(), "seen", k.seen)
		}
	}
}

// givenDevice is one that a pod is listed with.
type givenDevice struct{ resource, device string }

// given are the pods and claims that devices are listed with.
type given map[givenDevice][]string

func givenTo(pods []pod) given {
	g := given{}
	for _, p := range pods {
		g.add(p)
	}
	return g
}

func (g given) add(p pod) {
	p.each(func(d givenDevice, owner string) { g[d] = append(g[d], owner) })
}

// toAnother is true if a device that the pod claimed is listed with another claim,
// which did not have it together with the pod's before (as one with admin access
// does). The devices of device plugins are left to supersede.
func (g given) toAnother(p pod, before given) (another bool) {
	for _, a := range p.allocations {
		claimed(a, func(d givenDevice, claim string) {
			another = another || slices.ContainsFunc(g[d], func(now string) bool {
				return now != claim && !slices.Contains(before[d], now)
			})
		})
	}
	return another
}

// each calls f with the pod's devices and whom they are given to: the pod or the
// ResourceClaim, which other pods may name, too.
func (p pod) each(f func(d givenDevice, owner string)) {
	for _, a := range p.allocations {
		for _, id := range a.Devices {
			f(givenDevice{a.Resource, id}, p.name())
		}
		claimed(a, f)
	}
}

func claimed(a device.Allocation, f func(d givenDevice, claim string)) {
	for _, c := range a.Claims {
		f(givenDevice{c.Driver + "/" + c.Pool, c.Device + "/" + c.ShareID}, c.Namespace+"/"+c.Name)
	}
}

// partOf is true if all that the pod holds is held by the other one.
func (p pod) partOf(whole pod) bool {
	return !slices.ContainsFunc(p.allocations, func(a device.Allocation) bool {
		return !slices.ContainsFunc(whole.allocations, func(b device.Allocation) bool {
			return a.Holder.Container == b.Holder.Container && a.Resource == b.Resource &&
				contains(b.Devices, a.Devices, func(x, y string) bool { return x == y }) &&
				contains(b.Claims, a.Claims, func(x, y device.Claim) bool { return compareClaims(x, y) == 0 })
		})
	})
}

func contains[T any](all, some []T, same func(a, b T) bool) bool {
	return !slices.ContainsFunc(some, func(s T) bool {
		return !slices.ContainsFunc(all, func(a T) bool { return same(a, s) })
	})
}
