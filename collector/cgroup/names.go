package cgroup

import (
	"maps"
	"os"
	"strings"
	"time"
)

// DefaultContainerLogs is where kubelets put a link to each container's log.
const DefaultContainerLogs = "/var/log/containers"

// patience is how long it takes until a container that has no name is looked
// for again. The link is there before the container starts.
const patience = 10 * time.Second

// names has the name of each container in its pod, by its id.
type names struct {
	dir    string // "" without names
	now    func() time.Time
	known  map[string]string    // of the latest listing
	missed map[string]time.Time // when an id was looked for in vain
}

// find returns the name of a container, "" if it is not known.
func (n *names) find(id string) string {
	if name, ok := n.known[id]; ok || n.dir == "" {
		return name
	}
	now := n.now()
	if at, ok := n.missed[id]; ok && now.Sub(at) < patience && !now.Before(at) {
		return ""
	}
	n.list(now)
	name, ok := n.known[id]
	if !ok {
		n.missed[id] = now
	}
	return name
}

// list reads the names of the folder, which look like
// <pod>_<namespace>_<container>-<id>.log. A name too long for the file system
// has lost the end of its id, and is left out.
func (n *names) list(now time.Time) {
	if n.missed == nil {
		n.missed = map[string]time.Time{}
	}
	maps.DeleteFunc(n.missed, func(_ string, at time.Time) bool { return now.Sub(at) > patience })
	entries, _ := os.ReadDir(n.dir) // without it, no container has a name
	n.known = make(map[string]string, len(entries))
	for _, e := range entries {
		name, _ := strings.CutSuffix(e.Name(), ".log")
		i := strings.LastIndexByte(name, '-')
		if i < 0 || containerID(name[i+1:]) == "" {
			continue
		}
		parts := strings.Split(name[:i], "_")
		if len(parts) == 3 && parts[2] != "" {
			n.known[name[i+1:]] = parts[2]
		}
	}
}
