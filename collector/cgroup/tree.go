package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNone means that nobody can tell from the cgroups which pods there are.
var ErrNone = errors.New("no cgroups of pods are seen; kubelets before 1.34 list completed pods, and without the cgroups these are charged until their GPU is given to another pod; mount the host's /sys/fs/cgroup and name it with --host.cgroup, or set that empty where all kubelets are of 1.34 or later")

// DefaultRoot is where cgroups are mounted.
const DefaultRoot = "/sys/fs/cgroup"

const (
	// maxAge is how long a listing of the pods is good for; polls are a second apart.
	maxAge = 500 * time.Millisecond
	// forgetAfter is how long a pod is remembered that nobody asks about.
	forgetAfter = time.Hour
)

// TreeConfig of a Tree.
type TreeConfig struct {
	// Root is the host's cgroup mount, default DefaultRoot. In a cgroup
	// namespace the container's own mount shows nothing of other pods.
	Root string
	Now  func() time.Time // required
}

// Tree follows which pods have a cgroup. The kubelet makes a pod's cgroup before
// it pulls images or mounts volumes, and removes it when all containers of the
// pod have ended for good. It is not safe for concurrent use.
type Tree struct {
	cfg  TreeConfig
	pods string               // the folder with the pods, "" while it is not known
	at   time.Time            // of the latest listing
	now  map[string]bool      // UIDs with a cgroup; empty if it can't be read
	seen map[string]time.Time // when a UID was last there or asked about
}

// NewTree returns a Tree that has seen no pod yet.
func NewTree(cfg TreeConfig) (*Tree, error) {
	if cfg.Now == nil {
		return nil, errors.New("cgroup: TreeConfig.Now is required")
	}
	if cfg.Root == "" {
		cfg.Root = DefaultRoot
	}
	return &Tree{cfg: cfg, seen: map[string]time.Time{}}, nil
}

// Ended is true if a pod has ended: it had a cgroup once, and has none now.
// A pod that was never seen has not ended, it may not have begun. Nor has any
// pod while the cgroups can't be read, or seem to hold no pod at all: the
// collector itself is one.
func (t *Tree) Ended(podUID string) bool {
	now := t.cfg.Now()
	t.refresh(now)
	if _, ok := t.seen[podUID]; !ok {
		return false
	}
	t.seen[podUID] = now
	return len(t.now) > 0 && !t.now[podUID]
}

// There is true if a pod has a cgroup. It is not known while the cgroups can't be
// read.
func (t *Tree) There(podUID string) (there, known bool) {
	t.refresh(t.cfg.Now())
	return t.now[podUID], len(t.now) > 0
}

// Err is ErrNone while no pod's cgroup is seen.
func (t *Tree) Err() error {
	t.refresh(t.cfg.Now())
	if len(t.now) == 0 {
		return fmt.Errorf("%w: %s", ErrNone, t.cfg.Root)
	}
	return nil
}

func (t *Tree) refresh(now time.Time) {
	if age := now.Sub(t.at); !t.at.IsZero() && age >= 0 && age < maxAge {
		return
	}
	t.at = now
	t.now = t.list()
	for uid := range t.now {
		t.seen[uid] = now
	}
	maps.DeleteFunc(t.seen, func(_ string, at time.Time) bool { return now.Sub(at) > forgetAfter })
}

// list returns the pods that are there, none if they can't be listed.
func (t *Tree) list() map[string]bool {
	if t.pods != "" {
		if uids, err := podsBelow(t.pods); err == nil && len(uids) > 0 {
			return uids
		}
	}
	for _, dir := range t.candidates() {
		if uids, err := podsBelow(dir); err == nil && len(uids) > 0 {
			t.pods = dir
			return uids
		}
	}
	return nil
}

// candidates are the folders that may be the kubelet's: at the top or in a
// folder of the kubelet's own, of cgroup v2 or of a hierarchy of v1 in which
// every kubelet keeps pods.
func (t *Tree) candidates() []string {
	var dirs []string
	for _, hierarchy := range []string{"", "memory", "pids", "cpu", "cpu,cpuacct", "systemd"} {
		for _, below := range []string{"*kubepods*", "*/*kubepods*"} {
			found, _ := filepath.Glob(filepath.Join(escape(t.cfg.Root), hierarchy, below)) // the pattern is good
			dirs = append(dirs, found...)
		}
	}
	return dirs
}

// escape makes a path match itself in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// podsBelow lists the pods in the kubelet's folder and in those of its classes
// of service.
func podsBelow(dir string) (map[string]bool, error) {
	uids := map[string]bool{}
	classes, err := listPods(dir, uids)
	if err != nil {
		return nil, err
	}
	for _, class := range classes {
		if _, err := listPods(filepath.Join(dir, class), uids); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return uids, nil
}

// listPods adds the pods in the folder, and returns the classes of service.
func listPods(dir string, uids map[string]bool) (classes []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		name := e.Name()
		if uid := podUID(name); uid != "" {
			uids[uid] = true
		} else if class := strings.TrimSuffix(name, ".slice"); strings.HasSuffix(class, "burstable") || strings.HasSuffix(class, "besteffort") {
			classes = append(classes, name)
		}
	}
	return classes, nil
}
