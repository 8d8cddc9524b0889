package kubelet_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// cleaned is longer than a kubelet takes to remove a pod's log folder.
const cleaned = 2 * time.Minute

func TestUIDsComeFromLogFoldersWithoutACheckpoint(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	for _, other := range []string{"b_p_" + uid3, "a_p2_" + uid3, uid3, "a_p_", "a__" + uid3, "a_p_x_y"} {
		if err := os.Mkdir(filepath.Join(n.logs, other), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	n.SetPods(kubelettest.GPUs("a", "p", uid1, "GPU-1"))
	n.wants("before the pod has a folder", nil, gpus("a", "p", "", "GPU-1"))
	n.folder("p", uid1)
	n.wants("with a folder", only(gpus("a", "p", uid1, "GPU-1")))
}

func TestPodThatNeverGetsAFolderHasNoUID(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.SetPods(kubelettest.GPUs("a", "p", uid1, "GPU-1"))
	n.wants("at first", nil, gpus("a", "p", "", "GPU-1"))
	n.clock.Advance(settled)
	n.wants("later", only(gpus("a", "p", "", "GPU-1")))
	n.folder("p", uid1)
	n.wants("when it has one after all", only(gpus("a", "p", uid1, "GPU-1")))
}

func TestSameNamePodsAreToldApartByTheirFolders(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	first, second := kubelettest.GPUs("a", "db-0", uid1, "GPU-1"), kubelettest.GPUs("a", "db-0", uid2, "GPU-2")
	n.SetPods(first)
	n.folder("db-0", uid1)
	n.wants("the first", only(gpus("a", "db-0", uid1, "GPU-1")))
	n.SetPods(second)
	n.wants("the second, with the first's folder", nil, gpus("a", "db-0", "", "GPU-2"))
	n.folder("db-0", uid2)
	n.wants("the second, with a folder that came later", only(gpus("a", "db-0", uid2, "GPU-2")))
	n.noFolder("db-0", uid1)
	n.wants("the second", only(gpus("a", "db-0", uid2, "GPU-2")))
}

func TestFolderOfATerminatedPodDoesNotCount(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.begin(uid1)
	n.folder("db-0", uid1)
	n.SetPods(kubelettest.GPUs("a", "db-0", uid1, "GPU-1"))
	n.wants("the first", only(gpus("a", "db-0", uid1, "GPU-1")))
	n.end(uid1)
	n.wants("it has ended", nil)
	n.SetPods(kubelettest.GPUs("a", "db-0", uid2, "GPU-2"))
	n.folder("db-0", uid2)
	n.wants("the second, though the first's folder is there", only(gpus("a", "db-0", uid2, "GPU-2")))
}

func TestPodThatWasNeverClearHasEndedWithItsFolder(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.folder("p", uid1) // of a former pod
	p := kubelettest.GPUs("a", "p", uid2, "GPU-1")
	n.SetPods(p)
	n.folder("p", uid2)
	n.begin(uid1, uid2)
	n.wants("with two folders", nil, gpus("a", "p", "", "GPU-1"))
	n.end(uid1)
	n.end(uid2)
	n.wants("when it has ended", nil)
}

func TestPodThatTheKubeletLostSightOfKeepsItsFoldersUID(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	p := kubelettest.GPUs("a", "p", uid1, "GPU-1")
	n.folder("p", uid1)
	n.SetPods(p)
	n.wants("before the restart", only(gpus("a", "p", uid1, "GPU-1")))
	n.SetPods()
	n.wants("the list of a kubelet that has just started", nil)
	n.SetPods(p)
	n.wants("it could be another pod", nil, gpus("a", "p", "", "GPU-1"))
	n.clock.Advance(cleaned)
	n.wants("it is not", only(gpus("a", "p", uid1, "GPU-1")))
}

func TestFolderThatIsLeftOverLeavesThePodWithoutUID(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.folder("p", uid1)
	n.folder("p", uid2)
	n.SetPods(kubelettest.GPUs("a", "p", uid2, "GPU-1"))
	n.wants("while the kubelet may remove it", nil, gpus("a", "p", "", "GPU-1"))
	n.clock.Advance(cleaned)
	n.wants("when it did not", only(gpus("a", "p", "", "GPU-1")))
	n.noFolder("p", uid1)
	n.wants("when somebody did", only(gpus("a", "p", uid2, "GPU-1")))
}

func TestCheckpointGoesBeforeFolders(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, true)
	n.folder("p", uid2)
	p := kubelettest.GPUs("a", "p", uid1, "GPU-1")
	n.Hold(p)
	n.wants("with both", only(gpus("a", "p", uid1, "GPU-1")))
}

func TestFoldersHelpWhereTheCheckpointDoesNot(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, true)
	claims := []kubelettest.Claim{{Namespace: "a", Name: "c", Driver: "gpu.nvidia.com", Pool: "n", Devices: []kubelettest.ClaimDevice{{Name: "gpu-0", CDI: []string{"nvidia.com/gpu=0"}}}}}
	p := kubelettest.Pod{Namespace: "a", Name: "p", UID: uid1, Containers: []kubelettest.Container{{Name: "main", Claims: claims}}}
	want := device.Allocation{
		Holder: device.Holder{Namespace: "a", Pod: "p", PodUID: uid1, Container: "main"},
		Claims: []device.Claim{{Namespace: "a", Name: "c", Driver: "gpu.nvidia.com", Pool: "n", Device: "gpu-0", CDI: []string{"nvidia.com/gpu=0"}}},
	}
	q := kubelettest.GPUs("a", "q", uid2, "GPU-1")
	n.folder("p", uid1)
	n.folder("q", uid2)
	n.begin(uid1, uid2)
	n.Hold(p, q)
	n.wants("a pod with a claim is not in the checkpoint", only(want, gpus("a", "q", uid2, "GPU-1")))
	n.RemoveCheckpoint()
	n.SetPods(p, q, kubelettest.GPUs("a", "r", uid3, "GPU-2"))
	n.folder("r", uid3)
	n.wants("without a checkpoint", only(want, gpus("a", "q", uid2, "GPU-1"), gpus("a", "r", uid3, "GPU-2")))
	n.end(uid1)
	n.wants("a pod with a claim has ended", only(gpus("a", "q", uid2, "GPU-1"), gpus("a", "r", uid3, "GPU-2")))
}

func TestFoldersThatCannotBeReadStopNothing(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.folder("p", uid1)
	p := kubelettest.GPUs("a", "p", uid1, "GPU-1")
	n.SetPods(p)
	n.wants("at first", only(gpus("a", "p", uid1, "GPU-1")))
	if err := os.RemoveAll(n.logs); err != nil {
		t.Fatal(err)
	}
	n.wants("without folders", only(gpus("a", "p", uid1, "GPU-1")))
}
