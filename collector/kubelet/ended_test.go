package kubelet_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/cgroup"
	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// UIDs as the API server makes them.
const (
	uid1 = "11111111-3d6b-4a0f-9f8f-1d2c3b4a5f60"
	uid2 = "22222222-3d6b-4a0f-9f8f-1d2c3b4a5f60"
	uid3 = "33333333-3d6b-4a0f-9f8f-1d2c3b4a5f60"
	own  = "00000000-3d6b-4a0f-9f8f-1d2c3b4a5f60" // the collector's
)

// oldNode is a kubelet that lists terminated pods, with cgroups and log folders.
type oldNode struct {
	*node
	cgroups, logs string
}

func newOldNode(t *testing.T, checkpoint, folders bool) *oldNode {
	t.Helper()
	return newNodeWith(t, sources{checkpoint: checkpoint, folders: folders, cgroups: true})
}

// sources are those from which the client reads. A kubelet whose pods linger lists
// them after their end.
type sources struct{ checkpoint, folders, cgroups, lingers, claims bool }

func newNodeWith(t *testing.T, from sources) *oldNode {
	s, c := kubelettest.Start(t), newClock()
	s.WriteCheckpoint()
	n := &oldNode{&node{Server: s, t: t, clock: c}, t.TempDir(), t.TempDir()}
	tree, err := cgroup.NewTree(cgroup.TreeConfig{Root: n.cgroups, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	cfg := kubelet.Config{Socket: s.Socket(), Now: c.Now, Timeout: 10 * time.Second}
	if from.cgroups {
		cfg.Pods = tree
	}
	if from.checkpoint {
		cfg.CheckpointPath = s.Checkpoint()
	}
	if from.folders {
		cfg.PodLogs = n.logs
	}
	k, err := kubelet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	n.k = k
	n.begin(own)
	return n
}

func (n *oldNode) cgroup(uid string) string {
	return filepath.Join(n.cgroups, "kubepods", "burstable", "pod"+uid)
}

// begin makes the cgroups of pods, end removes them.
func (n *oldNode) begin(uids ...string) {
	n.t.Helper()
	for _, uid := range uids {
		if err := os.MkdirAll(n.cgroup(uid), 0o700); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *oldNode) end(uid string) {
	n.t.Helper()
	if err := os.Remove(n.cgroup(uid)); err != nil {
		n.t.Fatal(err)
	}
}

// folder makes the log folder of a pod in namespace a, noFolder removes it.
func (n *oldNode) folder(name, uid string) {
	n.t.Helper()
	if err := os.Mkdir(filepath.Join(n.logs, "a_"+name+"_"+uid), 0o700); err != nil {
		n.t.Fatal(err)
	}
}

func (n *oldNode) noFolder(name, uid string) {
	n.t.Helper()
	if err := os.Remove(filepath.Join(n.logs, "a_"+name+"_"+uid)); err != nil {
		n.t.Fatal(err)
	}
}

func TestTerminatedPodHoldsNothing(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, false)
	p, q := kubelettest.GPUs("a", "p", uid1, "GPU-1"), kubelettest.GPUs("a", "q", uid2, "GPU-2")
	n.begin(uid1, uid2)
	n.Hold(p, q)
	n.wants("while both run", only(gpus("a", "p", uid1, "GPU-1"), gpus("a", "q", uid2, "GPU-2")))
	n.end(uid1)
	for range 3 {
		n.wants("when one has ended", only(gpus("a", "q", uid2, "GPU-2")))
	}
}

func TestPodWithoutCgroupYetHoldsItsGPU(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, false)
	n.Hold(kubelettest.GPUs("a", "p", uid1, "GPU-1"))
	for range 20 {
		n.wants("before it starts", only(gpus("a", "p", uid1, "GPU-1")))
	}
	n.begin(uid1)
	n.wants("when it starts", only(gpus("a", "p", uid1, "GPU-1")))
	n.end(uid1)
	n.wants("when it has ended", nil)
}

func TestNextHolderBesideTheTerminatedOne(t *testing.T) {
	t.Parallel()
	for name, inBetween := range map[string]bool{"an end that was seen": true, "an end and a beginning between two polls": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newOldNode(t, true, false)
			p, q := kubelettest.GPUs("a", "p", uid1, "GPU-1"), kubelettest.GPUs("a", "q", uid2, "GPU-1")
			n.begin(uid1)
			n.Hold(p)
			n.wants("the first", only(gpus("a", "p", uid1, "GPU-1")))
			n.end(uid1)
			if inBetween {
				n.wants("when it has ended", nil)
			}
			n.SetPods(p, q)
			n.wants("before the checkpoint is written", nil, gpus("a", "q", "", "GPU-1"))
			n.begin(uid2)
			n.WriteCheckpoint(q)
			for range 8 {
				n.wants("both are listed, one of them holds", only(gpus("a", "q", uid2, "GPU-1")))
			}
		})
	}
}

func TestRecreatedPodOfTheSameNameBesidesCgroups(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, false)
	n.begin(uid1)
	n.Hold(kubelettest.GPUs("a", "db-0", uid1, "GPU-1"))
	n.wants("the first", only(gpus("a", "db-0", uid1, "GPU-1")))
	n.end(uid1)
	n.wants("when it has ended", nil)
	n.Hold(kubelettest.GPUs("a", "db-0", uid2, "GPU-1")) // it was never missing in the list
	n.wants("the second, seen once", nil, gpus("a", "db-0", "", "GPU-1"))
	n.wants("the second", only(gpus("a", "db-0", uid2, "GPU-1")))
	n.begin(uid2)
	n.wants("the second starts", only(gpus("a", "db-0", uid2, "GPU-1")))
	n.end(uid2)
	n.wants("the second has ended", nil)
}

// No cgroups are seen: that a GPU was given to another pod says that the former has
// ended.
func TestSuccessorOfATerminatedPodWithoutCgroups(t *testing.T) {
	t.Parallel()
	p, q := kubelettest.GPUs("a", "p", uid1, "GPU-1", "GPU-2"), kubelettest.GPUs("a", "q", uid2, "GPU-1")
	first, second := only(gpus("a", "p", uid1, "GPU-1", "GPU-2")), only(gpus("a", "q", uid2, "GPU-1"))
	for name, tc := range map[string]struct {
		from       sources
		checkpoint []kubelettest.Pod // once the second is there
		unknown    bool              // UIDs are
	}{
		"with a checkpoint of the second":   {from: sources{checkpoint: true}, checkpoint: []kubelettest.Pod{q}},
		"with a checkpoint of both":         {from: sources{checkpoint: true}, checkpoint: []kubelettest.Pod{p, q}},
		"with a checkpoint and log folders": {from: sources{checkpoint: true, folders: true}, checkpoint: []kubelettest.Pod{q}},
		"without a source of UIDs":          {unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNodeWith(t, tc.from)
			metered := func(as []device.Allocation) []device.Allocation {
				as = slices.Clone(as)
				for i := range as {
					if tc.unknown {
						as[i].Holder.PodUID = ""
					}
				}
				return as
			}
			n.Hold(p)
			n.wants("the first", metered(first))
			n.SetPods(q, p)
			n.WriteCheckpoint(tc.checkpoint...)
			for range 8 {
				n.wants("the second", metered(second))
			}
			n.SetPods(p)
			n.wants("when the second is gone", nil)
			n.SetPods()
			n.wants("when nobody is listed", nil)
			n.SetPods(p)
			n.wants("when the first is listed again", nil)
		})
	}
}

// Where nothing but a successor showed that a pod had ended, one of the same name on
// the same GPU is not that pod.
func TestAPodOfTheNameOfOneThatWasSucceeded(t *testing.T) {
	t.Parallel()
	const uid4 = "00000004-3d6b-4a0f-9f8f-1d2c3b4a5f60"
	first, q, again := kubelettest.GPUs("a", "p", uid1, "GPU-1"), kubelettest.GPUs("a", "q", uid2, "GPU-1"), kubelettest.GPUs("a", "p", uid4, "GPU-1")
	other := kubelettest.GPUs("a", "p", "00000003-3d6b-4a0f-9f8f-1d2c3b4a5f60", "GPU-2")
	n := newNodeWith(t, sources{checkpoint: true})
	n.Hold(first)
	n.wants("the first", only(gpus("a", "p", uid1, "GPU-1")))
	n.SetPods(first, q)
	n.WriteCheckpoint(q)
	n.wants("the first is succeeded", only(gpus("a", "q", uid2, "GPU-1")))
	n.SetPods(other)
	n.WriteCheckpoint(other)
	n.wants("one of its name has another GPU", only(gpus("a", "p", other.UID, "GPU-2")))
	n.SetPods(again)
	n.wants("the checkpoint lacks one that has its GPU", nil)
	n.WriteCheckpoint(again)
	n.wants("the checkpoint has it", nil, gpus("a", "p", "", "GPU-1"))
	n.wants("it has it at the next poll, too", only(gpus("a", "p", uid4, "GPU-1")))
}

// A client that is new finds a pod that has completed, and another one with its GPU.
func TestAClientThatFindsACompletedPod(t *testing.T) {
	t.Parallel()
	p, q := kubelettest.GPUs("a", "p", uid1, "GPU-1"), kubelettest.GPUs("a", "q", uid2, "GPU-1")
	all := sources{checkpoint: true, folders: true, cgroups: true}
	withheld := only(gpus("a", "p", "", "GPU-1"), gpus("a", "q", "", "GPU-1"))
	isP, isQ := only(gpus("a", "p", uid1, "GPU-1")), only(gpus("a", "q", uid2, "GPU-1"))
	for name, tc := range map[string]struct {
		from            sources
		listed, holds   []kubelettest.Pod // in the list, in the checkpoint
		first           []device.Allocation
		doubt           []device.Allocation
		last, lastDoubt []device.Allocation // after a minute
	}{
		"alone":                     {from: all, listed: []kubelettest.Pod{p}, holds: []kubelettest.Pod{p}, first: isP},
		"with a checkpoint of both": {from: all, listed: []kubelettest.Pod{p, q}, holds: []kubelettest.Pod{p, q}, doubt: withheld, last: isQ},
		"with one of the second":    {from: all, listed: []kubelettest.Pod{p, q}, holds: []kubelettest.Pod{q}, first: isQ, last: isQ},
		"and no cgroups":            {from: sources{checkpoint: true, folders: true}, listed: []kubelettest.Pod{p, q}, holds: []kubelettest.Pod{q}, first: isQ, last: isQ},
		"and neither log folders":   {from: sources{checkpoint: true}, listed: []kubelettest.Pod{p, q}, holds: []kubelettest.Pod{q}, doubt: withheld, lastDoubt: withheld},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNodeWith(t, tc.from)
			n.begin(uid2)
			n.folder("p", uid1)
			n.folder("q", uid2)
			n.SetPods(tc.listed...)
			n.WriteCheckpoint(tc.holds...)
			n.wants("at first", tc.first, tc.doubt...)
			n.clock.Advance(time.Minute)
			n.wants("after a minute", tc.last, tc.lastDoubt...)
			if tc.last != nil {
				n.end(uid2)
				if tc.from.cgroups {
					n.wants("when the other one has ended, too", nil)
				}
				n.SetPods(p)
				n.wants("when it is not listed any more", nil)
			}
		})
	}
}

// Cgroups in which no pod of the kubelet is say nothing of its pods.
func TestCgroupsOfAnotherNodeEndNobody(t *testing.T) {
	t.Parallel()
	n := newNodeWith(t, sources{checkpoint: true, cgroups: true})
	n.Hold(kubelettest.GPUs("a", "p", uid1, "GPU-1"))
	for range 3 {
		n.wants("it has no cgroup", only(gpus("a", "p", uid1, "GPU-1")))
		n.clock.Advance(time.Minute)
	}
}

func TestAPodThatIsListedWithAnothersDeviceHoldsNothing(t *testing.T) {
	t.Parallel()
	n := newNodeWith(t, sources{checkpoint: true})
	p, q := kubelettest.GPUs("a", "p", uid1, "GPU-1"), kubelettest.GPUs("a", "q", uid2, "GPU-1")
	n.Hold(p)
	n.wants("the first", only(gpus("a", "p", uid1, "GPU-1")))
	n.SetPods(p, q)
	for range 8 {
		n.wants("as long as the checkpoint does not know the second", only(gpus("a", "p", uid1, "GPU-1")))
	}
	n.WriteCheckpoint(q)
	n.wants("when it does", only(gpus("a", "q", uid2, "GPU-1")))
}

func TestEntryOfATerminatedPodIsNobodys(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, false)
	n.begin(uid1, uid2)
	p, q := kubelettest.GPUs("a", "p", uid1, "GPU-1"), kubelettest.GPUs("a", "p", uid2, "GPU-1")
	n.SetPods(p)
	n.WriteCheckpoint(p, q)
	n.wants("two UIDs", nil, gpus("a", "p", "", "GPU-1"))
	n.end(uid1)
	n.wants("one is left", only(gpus("a", "p", uid2, "GPU-1")))
}

func TestTerminatedPodWithoutACheckpoint(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, false)
	n.begin(uid1)
	p := kubelettest.GPUs("a", "p", uid1, "GPU-1")
	n.Hold(p)
	n.wants("while it runs", only(gpus("a", "p", uid1, "GPU-1")))
	n.RemoveCheckpoint()
	n.wants("without the checkpoint", only(gpus("a", "p", uid1, "GPU-1")))
	n.end(uid1)
	n.wants("when it has ended", nil)
}

func TestCgroupsThatVanishEndNobody(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, false)
	n.begin(uid1)
	n.Hold(kubelettest.GPUs("a", "p", uid1, "GPU-1"))
	n.wants("at first", only(gpus("a", "p", uid1, "GPU-1")))
	if err := os.RemoveAll(filepath.Join(n.cgroups, "kubepods")); err != nil {
		t.Fatal(err)
	}
	n.wants("without cgroups", only(gpus("a", "p", uid1, "GPU-1")))
}
