package kubelet

import (
	"os"
	"slices"
	"strings"
)

// podLogs tells UIDs from the names of the folders in which the kubelet keeps
// the logs of pods: <namespace>_<pod>_<uid>. It makes a pod's folder when it
// starts the pod's sandbox, which may be long after it gave it devices, and
// removes it some time after the pod is gone.
type podLogs struct {
	dir  string              // "" to do without
	read bool                // in this poll
	uids map[string][]string // by namespace/pod, sorted
	pods map[string]bool     // all the UIDs
	err  error               // why this is not what is on disk now
}

// of returns the UIDs that pods of the name have or had lately.
func (l *podLogs) of(name string) []string {
	if l.dir == "" {
		return nil
	}
	if !l.read {
		l.read = true
		l.list()
	}
	return l.uids[name]
}

// list reads the names of the folders. On failure the former ones stay.
func (l *podLogs) list() {
	entries, err := os.ReadDir(l.dir)
	if l.err = err; err != nil {
		return
	}
	l.uids, l.pods = make(map[string][]string, len(entries)), make(map[string]bool, len(entries))
	for _, e := range entries {
		parts := strings.Split(e.Name(), "_")
		if len(parts) != 3 || slices.Contains(parts, "") {
			continue
		}
		name := parts[0] + "/" + parts[1]
		l.uids[name] = append(l.uids[name], parts[2])
		l.pods[parts[2]] = true
	}
}
