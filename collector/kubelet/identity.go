package kubelet

import (
	"log/slog"
	"maps"
	"slices"
	"time"
)

// settleTime is how long a new pod waits for the checkpoint to tell of it. The
// kubelet writes it within milliseconds of the allocation, but after having
// asked the device plugins of the container's other resources.
const settleTime = 5 * time.Second

// identities finds the UIDs of pods, and remembers whose they are.
type identities struct {
	file   checkpointFile
	log    *slog.Logger
	seen   map[string]sighting // by pod.key, of the pods of the latest poll
	owners map[string]string   // pod.name by UID, of the UIDs in the checkpoint
}

// sighting is what is remembered of a pod while it is listed.
type sighting struct {
	first time.Time // when it was first listed
	uid   string    // the latest that was clear, "" if none was
}

func newIdentities(path string, log *slog.Logger) *identities {
	return &identities{file: checkpointFile{path: path}, log: log, owners: map[string]string{}}
}

// assign sets uid and unclear of every pod.
func (n *identities) assign(pods []pod, now time.Time) {
	n.refresh()
	seen := make(map[string]sighting, len(pods))
	claims := make(map[string]int, len(pods)) // pods by UID
	for i := range pods {
		p := &pods[i]
		p.key = p.fingerprint()
		s, known := n.seen[p.key]
		if !known {
			s.first = now
		}
		seen[p.key] = s
		p.uid, p.unclear = n.decide(*p, s, now)
		claims[p.uid]++
	}
	for i := range pods {
		p := &pods[i]
		switch {
		case p.uid == "":
		case claims[p.uid] > 1:
			p.uid, p.unclear = "", true
		default:
			seen[p.key] = sighting{seen[p.key].first, p.uid}
			n.owners[p.uid] = p.name()
		}
	}
	n.seen = seen
}

// decide says which UID a pod has, or that it is not clear yet. See doc.go.
func (n *identities) decide(p pod, s sighting, now time.Time) (uid string, unclear bool) {
	if n.file.err != nil {
		return s.uid, false
	}
	waiting := now.Sub(s.first) < settleTime
	candidates := n.candidates(p)
	switch len(candidates) {
	case 0:
		return s.uid, s.uid == "" && waiting
	case 1:
		uid = candidates[0]
	default:
		return "", true
	}
	owner, owned := n.owners[uid]
	switch {
	case !owned || uid == s.uid:
		return uid, false
	case waiting:
		return "", true // the entry may still be the former pod's
	case owner == p.name():
		return uid, false // the kubelet had lost sight of the pod
	default:
		return s.uid, false
	}
}

// candidates are the UIDs that hold devices of the pod under its containers'
// names.
func (n *identities) candidates(p pod) []string {
	var uids []string
	for _, a := range p.allocations {
		for _, id := range a.Devices {
			for _, uid := range n.file.uids[grant{a.Holder.Container, a.Resource, id}] {
				if !slices.Contains(uids, uid) {
					uids = append(uids, uid)
				}
			}
		}
	}
	return uids
}

// refresh reads the checkpoint if it changed, forgets the UIDs that are no
// longer in it, and logs when it becomes unreadable or readable.
func (n *identities) refresh() {
	before := n.file.err
	if n.file.refresh() {
		maps.DeleteFunc(n.owners, func(uid, _ string) bool { return !n.file.pods[uid] })
	}
	switch {
	case n.file.err != nil && before == nil:
		n.log.Warn("Pod UIDs are unknown from now on", "err", n.file.err)
	case n.file.err == nil && before != nil:
		n.log.Info("Pod UIDs are known again", "checkpoint", n.file.path)
	}
}
