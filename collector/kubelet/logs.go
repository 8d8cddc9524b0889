package kubelet

import (
	"os"
	"slices"
	"strings"
)

// podLogs reads UIDs from the names of the folders in which the kubelet keeps
// the logs of pods: <namespace>_<pod>_<uid>. The kubelet makes a pod's folder when
// it starts the pod's sandbox, which may be long after it gave the pod devices,
// and removes the folder some time after the pod is gone.
type podLogs struct {
	dir    string              // "" to do without
	uids   map[string][]string // by namespace/pod, of pods that are there or were lately
	pods   map[string]bool     // all the UIDs
	before map[string]bool     // all the UIDs of the previous listing
	err    error               // why this is not what is on disk now
}

// folders are what one look at the log folders found.
type folders struct {
	names []os.DirEntry
	err   error
}

// look lists the folders. It comes before the list of pods: a folder that is made
// between the two is then one that came after its pod.
func (l *podLogs) look() folders {
	if l.dir == "" {
		return folders{}
	}
	names, err := os.ReadDir(l.dir)
	return folders{names, err}
}

// old returns the UIDs whose folders were in the previous listing already, for a
// pod of that name that is new in this one; none at the first listing.
func (l *podLogs) old(name string) []string {
	return slices.DeleteFunc(slices.Clone(l.uids[name]), func(uid string) bool { return !l.before[uid] })
}

// take makes a look the latest listing. On failure the former one stays.
func (l *podLogs) take(now folders) {
	l.before = l.pods
	if l.err = now.err; l.dir == "" || now.err != nil {
		return
	}
	l.uids, l.pods = make(map[string][]string, len(now.names)), make(map[string]bool, len(now.names))
	for _, e := range now.names {
		parts := strings.Split(e.Name(), "_")
		if len(parts) != 3 || slices.Contains(parts, "") {
			continue
		}
		name := parts[0] + "/" + parts[1]
		l.uids[name] = append(l.uids[name], parts[2])
		l.pods[parts[2]] = true
	}
}
