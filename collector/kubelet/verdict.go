package kubelet

import (
	"slices"
	"time"
)

const (
	// settleTime is how long a new pod waits until it is in the checkpoint. The
	// kubelet writes it within milliseconds of the allocation, but after having
	// asked the device plugins of the container's other resources.
	settleTime = 5 * time.Second
	// folderTime is how long a pod waits for the kubelet to remove the log
	// folder of a former pod of its name, which it looks for once a minute.
	folderTime = 2 * time.Minute
	// beginTime is longer than the kubelet takes from giving devices to a pod to making
	// its cgroup, which it does before it pulls images.
	beginTime = time.Minute
)

// verdict on a pod.
type verdict struct {
	uid     string
	unclear bool  // more than one UID is possible
	ended   bool  // it is listed still, and holds nothing any more
	pending bool  // uid is "", and may come to be known soon
	stay    int64 // see device.Stay
}

// decide says which UID a pod has, or that it is not clear yet. See doc.go.
func (n *identities) decide(p pod, s *sighting, now time.Time) verdict {
	waiting := now.Sub(s.first) < settleTime
	mine := func(uid string) bool { return !n.ended(uid) && n.free(uid, p) }
	if p.over && s.uid == "" && !slices.ContainsFunc(n.candidates(p), mine) {
		return verdict{ended: true}
	}
	if n.file.reads() {
		if uids := n.candidates(p); len(uids) > 0 {
			return n.byCheckpoint(p, s, uids, waiting)
		}
	}
	if uids := n.logs.uids[p.name()]; len(uids) > 0 {
		return n.byFolders(s, uids, now)
	}
	switch {
	case n.ended(s.uid):
		return verdict{ended: true}
	case n.file.reads() || n.logs.dir != "":
		return verdict{uid: s.uid, unclear: s.uid == "" && waiting}
	default:
		return verdict{uid: s.uid}
	}
}

// byCheckpoint chooses among the UIDs that the checkpoint allows.
func (n *identities) byCheckpoint(p pod, s *sighting, uids []string, waiting bool) verdict {
	live := n.live(uids)
	if n.ended(s.uid) {
		return n.successor(p, s, live)
	}
	switch len(live) {
	case 0:
		return n.leftover(p, s, uids[0], waiting)
	case 1:
	default:
		return verdict{unclear: true}
	}
	uid := live[0]
	owner, owned := n.owners[uid]
	switch {
	case !owned || uid == s.uid:
		return verdict{uid: uid}
	case waiting:
		return verdict{unclear: true} // the entry may still be the former pod's
	case owner == p.name():
		return verdict{uid: uid} // the kubelet had lost sight of the pod
	default:
		return verdict{uid: s.uid}
	}
}

// leftover decides on a pod that is not known to have ended, but whose devices
// the checkpoint has only under UIDs that have: it is new, or one of those pods.
func (n *identities) leftover(p pod, s *sighting, uid string, waiting bool) verdict {
	owner, owned := n.owners[uid]
	switch {
	case s.uid != "":
		return verdict{uid: s.uid}
	case waiting:
		return verdict{unclear: true}
	case owned && owner != p.name():
		return verdict{}
	default:
		return verdict{ended: true}
	}
}

// successor decides on a pod whose UID has ended. Either that pod is listed still,
// or a pod of the same name got the same devices, and one of the live UIDs is its.
// A live UID is believed when it is there at the next poll too, because the list
// was read before the checkpoint.
func (n *identities) successor(p pod, s *sighting, live []string) verdict {
	switch len(live) {
	case 0:
		return verdict{ended: true}
	case 1:
	default:
		return verdict{unclear: true}
	}
	uid := live[0]
	if owner, owned := n.owners[uid]; owned && owner != p.name() {
		return verdict{ended: true}
	}
	if s.next != uid {
		s.next = uid
		return verdict{unclear: true}
	}
	return verdict{uid: uid}
}

// byFolders chooses among the UIDs that log folders of the pod's name have. A
// folder that was there before the pod may be the former pod's, as long as the
// kubelet may take to remove it.
func (n *identities) byFolders(s *sighting, uids []string, now time.Time) verdict {
	live := n.live(uids)
	if len(live) < 2 {
		s.doubt = time.Time{}
	}
	switch len(live) {
	case 0:
		own := func(uid string) bool { return !slices.Contains(s.old, uid) }
		if n.ended(s.uid) || (s.uid == "" && slices.ContainsFunc(uids, own)) {
			return verdict{ended: true}
		}
		return verdict{uid: s.uid, unclear: s.uid == "" && now.Sub(s.first) < settleTime}
	case 1:
		if slices.Contains(s.old, live[0]) && now.Sub(s.first) < folderTime {
			return verdict{unclear: true}
		}
		return verdict{uid: live[0]}
	default:
		if uid := s.fresh(live); uid != "" {
			return verdict{uid: uid}
		}
		if s.doubt.IsZero() {
			s.doubt = now
		}
		if now.Sub(s.doubt) < folderTime {
			return verdict{unclear: true}
		}
		s.uid = "" // a folder is left over, and nobody knows which
		return verdict{}
	}
}

// fresh is the UID whose log folder came last: the only one that came after the pod
// was first listed, but for its UID until now. It is "" if there are several or none.
func (s *sighting) fresh(uids []string) string {
	later := slices.DeleteFunc(slices.Clone(uids), func(uid string) bool { return slices.Contains(s.old, uid) })
	if len(later) == 2 && slices.Contains(later, s.uid) {
		s.old = append(s.old, s.uid) // another pod of its name
		later = slices.DeleteFunc(later, func(uid string) bool { return uid == s.uid })
	}
	if len(later) != 1 {
		return ""
	}
	return later[0]
}
