package kubelet

import (
	"maps"
	"slices"

	"github.com/gputally/gputally/collector/device"
)

// mayHold is true if a pod that is missing in the list may hold its devices still.
// The checkpoint has to say so of a device plugin's. Where it can't be read, and of
// claims, which are not in it, a list that names no pod at all is known to lack
// some: this process' own. A claim's holder goes on, too, while its cgroup or its
// log folder is there. There may be no names.
func (n *identities) mayHold(p pod, none bool) bool {
	switch {
	case n == nil:
		return none
	case p.plugged() && n.file.reads():
		return n.file.has(p)
	case p.plugged():
		return none
	}
	there, known := n.pods.There(p.uid)
	return none || there || !known && n.logs.pods[p.uid]
}

// unlisted are the devices that the checkpoint has and that nobody is listed with,
// by UID. A kubelet that is up removes pods from its checkpoint late, so they count
// only while their cgroup is there, or, where none is seen, while the list names no
// pod at all.
func (n *identities) unlisted(listed given, none bool) []device.Allocation {
	if n == nil || !n.file.reads() {
		return nil
	}
	held := map[device.Holder]map[string][]string{} // by resource
	for s, ids := range n.file.sets {
		there, known := n.pods.There(s.uid)
		if !n.keep(s.resource) || known && !there || !known && !none {
			continue
		}
		holder := device.Holder{PodUID: s.uid}
		if held[holder] == nil {
			held[holder] = map[string][]string{}
		}
		for _, id := range ids {
			if _, ok := listed[givenDevice{s.resource, id}]; !ok && !slices.Contains(held[holder][s.resource], id) {
				held[holder][s.resource] = append(held[holder][s.resource], id)
			}
		}
	}
	var all []device.Allocation
	for holder, resources := range held {
		for _, resource := range slices.Sorted(maps.Keys(resources)) {
			slices.Sort(resources[resource])
			all = append(all, device.Allocation{Holder: holder, Resource: resource, Devices: resources[resource]})
		}
	}
	sortAllocations(all)
	return all
}

// has is true if a pod is there with the same devices: under its UID if that is
// known, else under any.
func (f *checkpointFile) has(p pod) bool {
	if p.uid != "" {
		return f.hasAs(p.uid, p)
	}
	for uid := range f.pods {
		if f.hasAs(uid, p) {
			return true
		}
	}
	return false
}

func (f *checkpointFile) hasAs(uid string, p pod) bool {
	return !slices.ContainsFunc(p.allocations, func(a device.Allocation) bool {
		return a.Resource != "" && !slices.Equal(f.sets[set{uid, a.Holder.Container, a.Resource}], a.Devices)
	})
}
