package cdi

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrSpec means that a CDI file could not be read; its devices are unknown.
var ErrSpec = errors.New("a CDI file can't be read; GPUs held through it are not attributed")

// A Device is what one CDI device gives to a container, as far as it concerns
// GPUs.
type Device struct {
	Name  string   // qualified: "vendor.com/class=name"
	Nodes []string // paths of device files on the host
	UUIDs []string // of GPUs and MIG instances made visible
}

// spec has the fields that are read, as the CDI specification names them. It
// has many more, and gets new ones.
type spec struct {
	Version string `json:"cdiVersion" yaml:"cdiVersion"`
	Kind    string `json:"kind" yaml:"kind"`
	Devices []struct {
		Name  string `json:"name" yaml:"name"`
		Edits edits  `json:"containerEdits" yaml:"containerEdits"`
	} `json:"devices" yaml:"devices"`
}

type edits struct {
	Env         []string `json:"env" yaml:"env"`
	DeviceNodes []struct {
		Path     string `json:"path" yaml:"path"`
		HostPath string `json:"hostPath" yaml:"hostPath"`
	} `json:"deviceNodes" yaml:"deviceNodes"`
}

// Decode reads the devices of a CDI file. A file whose name ends in .json is
// JSON, any other YAML, as for container runtimes. The error is ErrSpec.
func Decode(name string, content []byte) ([]Device, error) {
	var s spec
	var err error
	if filepath.Ext(name) == ".json" {
		err = json.Unmarshal(content, &s)
	} else {
		err = yaml.Unmarshal(content, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSpec, name, err)
	}
	vendor, class, ok := strings.Cut(s.Kind, "/")
	if s.Version == "" || !ok || vendor == "" || class == "" {
		return nil, fmt.Errorf("%w: %s: it lacks cdiVersion, or a kind of the form vendor/class", ErrSpec, name)
	}
	devices := make([]Device, 0, len(s.Devices))
	for i, d := range s.Devices {
		if d.Name == "" {
			return nil, fmt.Errorf("%w: %s: devices[%d] has no name", ErrSpec, name, i)
		}
		devices = append(devices, Device{Name: s.Kind + "=" + d.Name, Nodes: d.Edits.nodes(), UUIDs: d.Edits.uuids()})
	}
	return devices, nil
}

func (e edits) nodes() []string {
	var nodes []string
	for _, n := range e.DeviceNodes {
		if n.HostPath == "" {
			n.HostPath = n.Path
		}
		nodes = append(nodes, path.Clean(n.HostPath))
	}
	return nodes
}

// uuids are those of NVIDIA_VISIBLE_DEVICES. Its other values ("void", "all", or
// an index in an order of the reader's choice) name no GPU.
func (e edits) uuids() []string {
	var uuids []string
	for _, v := range e.Env {
		list, ok := strings.CutPrefix(v, "NVIDIA_VISIBLE_DEVICES=")
		if !ok {
			continue
		}
		for id := range strings.SplitSeq(list, ",") {
			if isUUID(id) {
				uuids = append(uuids, id)
			}
		}
	}
	return uuids
}

func isUUID(id string) bool { return strings.HasPrefix(id, "GPU-") || strings.HasPrefix(id, "MIG-") }
