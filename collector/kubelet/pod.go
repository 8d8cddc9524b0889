package kubelet

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/gputally/gputally/collector/device"
)

// pod is one entry of the kubelet's list that holds devices.
type pod struct {
	allocations []device.Allocation // without UIDs
	key         string              // fingerprint
	seen        time.Time           // when it was last listed; zero if it is now
	over        bool                // one of its devices was given to another pod
	former      string              // UID that it had before it ended, or before a restarted kubelet did not list it
	verdict
}

// kept says which resources and which DRA drivers are GPUs.
type kept struct{ resource, driver func(name string) bool }

// podsOf keeps the pods that hold devices to keep.
func podsOf(list *podresources.ListPodResourcesResponse, keep kept) []pod {
	var pods []pod
	for _, p := range list.GetPodResources() {
		var allocations []device.Allocation
		for _, c := range p.GetContainers() {
			holder := device.Holder{Namespace: p.GetNamespace(), Pod: p.GetName(), Container: c.GetName()}
			allocations = append(allocations, allocationsOf(holder, c.GetDevices(), keep.resource)...)
			if claims := claimsOf(c.GetDynamicResources(), keep.driver); len(claims) > 0 {
				allocations = append(allocations, device.Allocation{Holder: holder, Claims: claims})
			}
		}
		if len(allocations) > 0 {
			sortAllocations(allocations)
			pods = append(pods, pod{allocations: allocations})
		}
	}
	return pods
}

// allocationsOf merges the entries of a container: the kubelet gives one for
// each device.
func allocationsOf(holder device.Holder, entries []*podresources.ContainerDevices, keep func(resource string) bool) []device.Allocation {
	byResource := map[string][]string{}
	for _, e := range entries {
		if keep(e.GetResourceName()) && len(e.GetDeviceIds()) > 0 {
			byResource[e.GetResourceName()] = append(byResource[e.GetResourceName()], e.GetDeviceIds()...)
		}
	}
	allocations := make([]device.Allocation, 0, len(byResource))
	for _, resource := range slices.Sorted(maps.Keys(byResource)) {
		ids := byResource[resource]
		slices.Sort(ids)
		allocations = append(allocations, device.Allocation{Holder: holder, Resource: resource, Devices: slices.Compact(ids)})
	}
	return allocations
}

// identified returns the allocations with the pod's UID.
func (p pod) identified() []device.Allocation {
	all := slices.Clone(p.allocations)
	for i := range all {
		all[i].Holder.PodUID = p.uid
	}
	return all
}

// plugged is true if the pod holds devices of a device plugin.
func (p pod) plugged() bool {
	return slices.ContainsFunc(p.allocations, func(a device.Allocation) bool { return a.Resource != "" })
}

// name is the namespace and name of the pod. A later pod may have the same.
func (p pod) name() string {
	h := p.allocations[0].Holder
	return h.Namespace + "/" + h.Pod
}

// fingerprint identifies this pod as long as it holds the same devices. A later
// pod of the same name that got the same devices has the same fingerprint.
func (p pod) fingerprint() string {
	var b strings.Builder
	for _, a := range p.allocations {
		for _, s := range []string{a.Holder.Namespace, a.Holder.Pod, a.Holder.Container, a.Resource} {
			b.WriteString(s)
			b.WriteByte(0)
		}
		for _, id := range a.Devices {
			b.WriteString(id)
			b.WriteByte(0)
		}
		for _, c := range a.Claims {
			writeClaim(&b, c)
		}
		b.WriteByte(0)
	}
	return b.String()
}

func sortAllocations(as []device.Allocation) {
	slices.SortFunc(as, func(a, b device.Allocation) int {
		return cmp.Or(
			a.Holder.Compare(b.Holder),
			cmp.Compare(a.Resource, b.Resource),
			slices.Compare(a.Devices, b.Devices),
			slices.CompareFunc(a.Claims, b.Claims, compareClaims),
		)
	})
}
