package kubelettest

import podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

// Pod holds devices. The UID stands in the checkpoint only.
type Pod struct {
	Namespace, Name, UID string
	Containers           []Container
}

// Container of a Pod.
type Container struct {
	Name    string
	Devices []Devices
	Claims  []Claim
}

// Claim is a ResourceClaim whose devices come from one driver.
type Claim struct {
	Namespace, Name string
	Driver, Pool    string
	Devices         []ClaimDevice
}

// ClaimDevice is a device of a Claim.
type ClaimDevice struct {
	Name    string
	ShareID string   // "" for none
	CDI     []string // names of its CDI devices
}

// Devices are ids of one extended resource.
type Devices struct {
	Resource string
	IDs      []string
}

// GPUs is a pod whose container "main" holds nvidia.com/gpu devices.
func GPUs(namespace, name, uid string, ids ...string) Pod {
	return Pod{Namespace: namespace, Name: name, UID: uid, Containers: []Container{
		{Name: "main", Devices: []Devices{{Resource: "nvidia.com/gpu", IDs: ids}}},
	}}
}

func (p Pod) resources() *podresources.PodResources {
	r := &podresources.PodResources{Name: p.Name, Namespace: p.Namespace}
	for _, c := range p.Containers {
		r.Containers = append(r.Containers, &podresources.ContainerResources{Name: c.Name, Devices: entries(c.Devices), DynamicResources: dynamic(c.Claims)})
	}
	return r
}

// dynamic spells claims as kubelets up to 1.36 do: the CDI names pile up, from
// device to device of a driver.
func dynamic(claims []Claim) []*podresources.DynamicResource {
	var rs []*podresources.DynamicResource
	for _, c := range claims {
		r := &podresources.DynamicResource{ClaimName: c.Name, ClaimNamespace: c.Namespace}
		var cdi []*podresources.CDIDevice
		for _, d := range c.Devices {
			for _, name := range d.CDI {
				cdi = append(cdi, &podresources.CDIDevice{Name: name})
			}
			entry := &podresources.ClaimResource{CdiDevices: cdi, DriverName: c.Driver, PoolName: c.Pool, DeviceName: d.Name}
			if d.ShareID != "" {
				entry.ShareId = &d.ShareID
			}
			r.ClaimResources = append(r.ClaimResources, entry)
		}
		rs = append(rs, r)
	}
	return rs
}

// entries spells devices as a kubelet does: one entry for each.
func entries(devices []Devices) []*podresources.ContainerDevices {
	var es []*podresources.ContainerDevices
	for _, d := range devices {
		for i, id := range d.IDs {
			es = append(es, &podresources.ContainerDevices{
				ResourceName: d.Resource,
				DeviceIds:    []string{id},
				Topology:     &podresources.TopologyInfo{Nodes: []*podresources.NUMANode{{ID: int64(i % 2)}}},
			})
		}
	}
	return es
}
