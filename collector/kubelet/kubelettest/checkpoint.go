package kubelettest

import (
	"encoding/json"
	"os"
	"strconv"
)

// The file as kubelets write it since Kubernetes 1.20; BootID is a later addition.
type checkpoint struct {
	Data struct {
		PodDeviceEntries  []podDevicesEntry
		RegisteredDevices map[string][]string
	}
	Checksum uint64
	BootID   string `json:",omitempty"`
}

type podDevicesEntry struct {
	PodUID        string
	ContainerName string
	ResourceName  string
	DeviceIDs     map[string][]string // by NUMA node
	AllocResp     []byte              // what the device plugin answered
}

// WriteCheckpoint makes the checkpoint say that the pods hold their devices,
// and nobody else.
func (s *Server) WriteCheckpoint(pods ...Pod) {
	s.t.Helper()
	var c checkpoint
	c.Checksum = 3952659280
	c.BootID = "2f6e0b1c-6a5b-4a3f-9d43-5b0a4b7c9c1e"
	c.Data.RegisteredDevices = map[string][]string{}
	for _, p := range pods {
		for _, container := range p.Containers {
			for _, d := range container.Devices {
				c.Data.PodDeviceEntries = append(c.Data.PodDeviceEntries, podDevicesEntry{
					PodUID: p.UID, ContainerName: container.Name, ResourceName: d.Resource,
					DeviceIDs: byNUMA(d.IDs), AllocResp: []byte("opaque"),
				})
				c.Data.RegisteredDevices[d.Resource] = append(c.Data.RegisteredDevices[d.Resource], d.IDs...)
			}
		}
	}
	content, err := json.Marshal(c)
	if err != nil {
		s.t.Fatalf("encode the checkpoint: %v", err)
	}
	s.WriteCheckpointFile(content)
}

// byNUMA spreads ids over two NUMA nodes.
func byNUMA(ids []string) map[string][]string {
	m := map[string][]string{}
	for i, id := range ids {
		node := strconv.Itoa(i % 2)
		m[node] = append(m[node], id)
	}
	return m
}

// WriteCheckpointFile replaces the checkpoint by any content, as a kubelet
// does: by renaming.
func (s *Server) WriteCheckpointFile(content []byte) {
	s.t.Helper()
	temporary := s.Checkpoint() + ".tmp"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		s.t.Fatalf("write the checkpoint: %v", err)
	}
	if err := os.Rename(temporary, s.Checkpoint()); err != nil {
		s.t.Fatalf("write the checkpoint: %v", err)
	}
}

// RemoveCheckpoint deletes the checkpoint.
func (s *Server) RemoveCheckpoint() {
	s.t.Helper()
	if err := os.Remove(s.Checkpoint()); err != nil {
		s.t.Fatalf("remove the checkpoint: %v", err)
	}
}
