package kubelet

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// identities finds the UIDs of pods, and remembers whose they are.
type identities struct {
	file      checkpointFile
	logs      podLogs
	logsDown  bool // that they can't be read was logged
	keep      func(resource string) bool
	pods      Pods
	log       *slog.Logger
	seen      map[string]sighting // by pod.key, of the pods of the latest poll
	owners    map[string]string   // pod.name by UID, of the UIDs in the sources
	gone      map[string]bool     // UIDs whose devices were given to others
	before    map[string]bool     // UIDs that were in the checkpoint when it was first read
	since     time.Time           // when that was
	witnessed bool                // sees was true once
	now       time.Time           // of the latest poll
	stays     int64               // how many there were
}

// sighting is what is remembered of a pod while it is listed.
type sighting struct {
	first time.Time // when it was first listed
	uid   string    // the latest that was clear, "" if none was
	next  string    // the UID that it seems to have since the one above ended
	old   []string  // UIDs of log folders that were there before it
	doubt time.Time // since when several log folders are possible
	stay  int64
}

func newIdentities(cfg Config) *identities {
	n := &identities{
		pods:   cfg.Pods,
		file:   checkpointFile{path: cfg.CheckpointPath},
		logs:   podLogs{dir: cfg.PodLogs},
		keep:   func(resource string) bool { return matches(cfg.Resources, resource) },
		log:    cfg.Logger,
		owners: map[string]string{},
		gone:   map[string]bool{},
	}
	return n
}

// ended is true for the UID of a pod that has ended.
func (n *identities) ended(uid string) bool {
	return uid != "" && (n.gone[uid] || n.pods.Ended(uid) || n.neverBegan(uid))
}

// neverBegan is true for a pod that was there before anybody looked, and has had no
// cgroup for so long that it can't be one that begins.
func (n *identities) neverBegan(uid string) bool {
	if !n.before[uid] || n.now.Sub(n.since) < beginTime {
		return false
	}
	there, known := n.pods.There(uid)
	return known && !there && n.witnessed
}

// sees is true if the cgroups seen are those of the kubelet's pods: one of them is of
// a pod in its files.
func (n *identities) sees() bool {
	for _, uids := range [...]map[string]bool{n.file.pods, n.logs.pods} {
		for uid := range uids {
			if there, _ := n.pods.There(uid); there {
				return true
			}
		}
	}
	return false
}

// assign sets uid, unclear and ended of every pod, after refresh.
func (n *identities) assign(pods []pod, now time.Time) {
	n.now = now
	if n.before == nil && n.file.reads() {
		n.before, n.since = maps.Clone(n.file.pods), now
	}
	n.witnessed = n.witnessed || n.sees()
	for _, p := range pods {
		if uid := cmp.Or(n.seen[p.key].uid, p.former); p.over && uid != "" {
			n.gone[uid] = true
		}
	}
	seen := make(map[string]sighting, len(pods))
	for i := range pods {
		p := &pods[i]
		s, known := n.seen[p.key]
		if !known {
			n.stays++
			s = sighting{first: now, uid: p.former, old: n.logs.old(p.name()), stay: n.stays}
		}
		p.verdict = n.decide(*p, &s, now)
		seen[p.key] = s
	}
	n.settle(pods, seen)
	for i := range pods {
		n.await(&pods[i], seen[pods[i].key], now)
		pods[i].stay = seen[pods[i].key].stay
		if pods[i].ended {
			pods[i].former = seen[pods[i].key].uid
		}
		if p := &pods[i]; p.uid != "" {
			s := seen[p.key]
			s.uid, s.next = p.uid, ""
			seen[p.key] = s
			n.owners[p.uid] = p.name()
		}
	}
	n.seen = seen
	n.forget()
	n.complain()
}

// settle looks at the UIDs that several pods seem to have. A pod whose own UID
// has ended is out of the running, and so is one without the UID's log folder where
// another has it; among others it is not clear.
func (n *identities) settle(pods []pod, seen map[string]sighting) {
	claims := make(map[string]int, len(pods)) // pods by UID
	for _, p := range pods {
		claims[p.uid]++
	}
	for i := range pods {
		p, s := &pods[i], seen[pods[i].key]
		switch {
		case !n.ended(s.uid):
		case p.uid != "" && claims[p.uid] > 1:
			claims[p.uid]--
			p.verdict = verdict{ended: true}
		case p.unclear && s.next != "" && claims[s.next] > 0:
			p.verdict = verdict{ended: true}
		}
	}
	foldered := map[string]int{} // pods by UID, of those that have its folder
	for _, p := range pods {
		if p.uid != "" && claims[p.uid] > 1 && n.hasFolder(p, p.uid) {
			foldered[p.uid]++
		}
	}
	for i := range pods {
		p := &pods[i]
		switch {
		case p.uid == "" || claims[p.uid] < 2:
		case foldered[p.uid] != 1:
			p.verdict = verdict{unclear: true}
		case !n.hasFolder(*p, p.uid): // its device was given to the pod that has
			p.verdict, p.over = verdict{ended: true}, true
		}
	}
}

// hasFolder is true if a log folder has the pod's name and this UID.
func (n *identities) hasFolder(p pod, uid string) bool {
	return slices.Contains(n.logs.uids[p.name()], uid)
}

// live leaves out the UIDs that have ended.
func (n *identities) live(uids []string) []string {
	return slices.DeleteFunc(slices.Clone(uids), n.ended)
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

// refresh reads the checkpoint if it changed, and logs when a source becomes
// unreadable or readable.
func (n *identities) refresh(logs folders) {
	n.logs.take(logs)
	if n.file.path == "" {
		return
	}
	before := n.file.err
	n.file.refresh()
	switch {
	case n.file.err != nil && before == nil:
		n.log.Warn("Pod UIDs are not read from the checkpoint from now on", "err", n.file.err)
	case n.file.err == nil && before != nil:
		n.log.Info("Pod UIDs are read from the checkpoint again", "checkpoint", n.file.path)
	}
}

// complain logs when the log folders become unreadable or readable.
func (n *identities) complain() {
	switch down := n.logs.err != nil; {
	case down && !n.logsDown:
		n.log.Warn("Pod UIDs are not read from log folders from now on", "err", n.logs.err)
	case !down && n.logsDown:
		n.log.Info("Pod UIDs are read from log folders again", "folder", n.logs.dir)
	}
	n.logsDown = n.logs.err != nil
}

// forget drops the UIDs that no source has any more.
func (n *identities) forget() {
	maps.DeleteFunc(n.owners, func(uid, _ string) bool { return !n.file.pods[uid] && !n.logs.pods[uid] })
	listed := map[string]bool{}
	for _, s := range n.seen {
		listed[s.uid] = true
	}
	maps.DeleteFunc(n.gone, func(uid string, _ bool) bool {
		return !n.file.pods[uid] && !n.logs.pods[uid] && !listed[uid]
	})
}
