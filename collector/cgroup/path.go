package cgroup

import (
	"bytes"
	"strings"

	"github.com/gputally/gputally/collector/device"
)

// Parse reads a /proc/<pid>/cgroup. The Owner is zero if hierarchies disagree, or
// if there is none.
func Parse(content []byte) device.Owner {
	var owner device.Owner
	placed := false
	for line := range bytes.Lines(content) {
		// <hierarchy>:<controllers>:<path>; a path may contain colons.
		_, rest, _ := strings.Cut(string(bytes.TrimSuffix(line, []byte("\n"))), ":")
		_, path, _ := strings.Cut(rest, ":")
		placed = placed || strings.HasPrefix(path, "/")
		o := ParsePath(path)
		switch {
		case o.PodUID == "":
		case owner.PodUID == "":
			owner = o
		case owner.PodUID != o.PodUID:
			return device.Owner{}
		case owner.ContainerID == "":
			owner.ContainerID = o.ContainerID
		case o.ContainerID != "" && owner.ContainerID != o.ContainerID:
			return device.Owner{}
		}
	}
	owner.Host = placed && owner.PodUID == ""
	return owner
}

// ParsePath reads the path of a cgroup. The container's id is "" if the path
// ends at the pod or goes on in a way that is not known.
func ParsePath(path string) device.Owner {
	for path != "" {
		var element string
		element, path, _ = strings.Cut(path, "/")
		name, container, joined := strings.Cut(element, ":")
		uid := podUID(name)
		if uid == "" {
			continue
		}
		if joined {
			return device.Owner{PodUID: uid, ContainerID: containerID(container)}
		}
		below, _, _ := strings.Cut(path, "/")
		return device.Owner{PodUID: uid, ContainerID: containerID(below)}
	}
	return device.Owner{}
}

// podUID reads the UID from the name of a pod's cgroup, "" if it is none.
func podUID(name string) string {
	slice, systemd := strings.CutSuffix(name, ".slice")
	if !systemd {
		uid, ok := strings.CutPrefix(name, "pod")
		if !ok || !isUID(uid) {
			return ""
		}
		return uid
	}
	i := strings.LastIndex(slice, "-pod")
	if i < 0 || !strings.Contains(slice[:i], "kubepods") {
		return ""
	}
	uid := strings.ReplaceAll(slice[i+len("-pod"):], "_", "-")
	if !isUID(uid) {
		return ""
	}
	return uid
}

// isUID is true if s is a UUID, or a hash as the kubelet gives it to pods
// that it read from a file.
func isUID(s string) bool {
	switch len(s) {
	case 32:
		return isHex(s)
	case 36:
		return s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
			isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
	default:
		return false
	}
}

// containerID reads the id from the name of a container's cgroup, "" if it is
// none: "cri-containerd-<id>.scope", "crio-<id>", "cri-containerd:<id>", "<id>".
// CRI-O's monitor process has the container's id too, without being in it.
func containerID(name string) string {
	name = strings.TrimSuffix(name, ".scope")
	i := strings.LastIndexAny(name, "-:")
	id := name[i+1:]
	if len(id) != 64 || !isHex(id) || strings.Contains(name[:i+1], "conmon") {
		return ""
	}
	return id
}

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f')
	})
}
