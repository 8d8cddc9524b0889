package cgroup_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/cgroup"
)

// mount is a fake cgroup mount.
type mount struct {
	t    *testing.T
	root string
	now  time.Time
	tree *cgroup.Tree
}

func newMount(t *testing.T) *mount {
	m := &mount{t: t, root: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	tree, err := cgroup.NewTree(cgroup.TreeConfig{Root: m.root, Now: func() time.Time { return m.now }})
	if err != nil {
		t.Fatal(err)
	}
	m.tree = tree
	return m
}

func (m *mount) add(dir string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Join(m.root, dir), 0o700); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mount) remove(dir string) {
	m.t.Helper()
	if err := os.RemoveAll(filepath.Join(m.root, dir)); err != nil {
		m.t.Fatal(err)
	}
}

// ended asks a second later.
func (m *mount) ended(when string, want bool) {
	m.t.Helper()
	m.now = m.now.Add(time.Second)
	if got := m.tree.Ended(uid); got != want {
		m.t.Errorf("%s: ended %v, want %v", when, got, want)
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ pod, other string }{
		"v2, systemd":            {"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice", "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0a1b2c3d_4e5f_4a6b_8c7d_9e0f1a2b3c4d.slice"},
		"v2, guaranteed":         {"kubepods.slice/kubepods-pod" + slice + ".slice", "kubepods.slice/kubepods-pod0a1b2c3d_4e5f_4a6b_8c7d_9e0f1a2b3c4d.slice"},
		"v2, cgroupfs":           {"kubepods/besteffort/pod" + uid, "kubepods/pod" + otherUID},
		"v1":                     {"memory/kubepods/burstable/pod" + uid, "memory/kubepods/burstable/pod" + otherUID},
		"v1, systemd":            {"pids/kubepods.slice/kubepods-pod" + slice + ".slice", "pids/kubepods.slice/kubepods-pod0a1b2c3d_4e5f_4a6b_8c7d_9e0f1a2b3c4d.slice"},
		"the kubelet's own root": {"kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + slice + ".slice", "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod0a1b2c3d_4e5f_4a6b_8c7d_9e0f1a2b3c4d.slice"},
		"the kubelet's own, v1":  {"cpu,cpuacct/kubelet/kubepods/burstable/pod" + uid, "cpu,cpuacct/kubelet/kubepods/burstable/pod" + otherUID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMount(t)
			m.ended("without cgroups", false)
			m.add(tc.other)
			m.ended("before it began", false)
			m.add(tc.pod + "/" + id)
			m.ended("while it runs", false)
			m.remove(tc.pod)
			m.ended("when it is gone", true)
			m.ended("a second later", true)
			m.add(tc.pod)
			m.ended("when it is back", false)
		})
	}
}

func TestNothingHasEndedWhileCgroupsCannotBeRead(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.add("kubepods/pod" + uid)
	m.add("kubepods/burstable/pod" + otherUID)
	m.ended("at first", false)
	m.remove("kubepods")
	m.ended("without the mount", false)
	m.add("kubepods/burstable")
	m.ended("without any pod", false)
	m.add("kubepods/burstable/pod" + otherUID)
	m.ended("with another pod", true)
}

func TestKubeletThatChangesItsDriver(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.add("kubepods/pod" + uid)
	m.ended("with cgroupfs", false)
	m.add("kubepods.slice/kubepods-pod" + slice + ".slice")
	m.remove("kubepods")
	m.ended("with systemd", false)
}

func TestPodThatNobodyAsksForIsForgotten(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	m.add("kubepods/pod" + uid)
	m.add("kubepods/pod" + otherUID)
	m.ended("at first", false)
	m.remove("kubepods/pod" + uid)
	for range 3 {
		m.ended("asked every half hour", true)
		m.now = m.now.Add(30 * time.Minute)
	}
	m.now = m.now.Add(2 * time.Hour)
	m.tree.Ended(otherUID)
	m.ended("not asked for two hours", false)
}
