package kubelet_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// claimer is a pod that holds a claim only.
func claimer(name, claim string) kubelettest.Pod {
	c := kubelettest.Claim{Namespace: "a", Name: claim, Driver: "gpu.nvidia.com", Pool: "n", Devices: []kubelettest.ClaimDevice{{Name: "gpu-0"}}}
	return kubelettest.Pod{Namespace: "a", Name: name, Containers: []kubelettest.Container{{Name: "main", Claims: []kubelettest.Claim{c}}}}
}

func claims(name, uid, claim string) device.Allocation {
	return device.Allocation{
		Holder: device.Holder{Namespace: "a", Pod: name, PodUID: uid, Container: "main"},
		Claims: []device.Claim{{Namespace: "a", Name: claim, Driver: "gpu.nvidia.com", Pool: "n", Device: "gpu-0"}},
	}
}

// stay polls once and compares the only allocation and its stay.
func (n *node) stay(when string, want device.Allocation, stay device.Stay) {
	n.t.Helper()
	h := poll(n.t, n.k)
	if d := cmp.Diff(only(want), h.Allocations, cmpopts.EquateEmpty()); d != "" || len(h.Withheld) > 0 {
		n.t.Errorf("%s: %d withheld, allocations -want +got\n%s", when, len(h.Withheld), d)
	}
	if got := h.Stays[want.Holder]; got != stay {
		n.t.Errorf("%s: stay %+v, want %+v", when, got, stay)
	}
	if pending := h.Ambiguous == 1; pending != stay.Pending {
		n.t.Errorf("%s: %d ambiguous", when, h.Ambiguous)
	}
	n.clock.Advance(time.Second)
}

func TestPodWithClaimsOnlyDoesNotWaitForTheCheckpoint(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Hold(claimer("p", "c"))
	n.stay("at once", claims("p", "", "c"), device.Stay{Number: 1})
	n.clock.Advance(settled)
	n.stay("later", claims("p", "", "c"), device.Stay{Number: 1})
}

func TestPodWithClaimsOnlyWaitsForItsFolderWhileItIsMetered(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, true, true)
	n.SetPods(claimer("p", "c"))
	for range 8 {
		n.stay("without a folder", claims("p", "", "c"), device.Stay{Number: 1, Pending: true})
	}
	n.folder("p", uid1)
	n.stay("with one", claims("p", uid1, "c"), device.Stay{Number: 1})
	n.SetPods(claimer("p", "d"))
	n.stay("the next pod of its name", claims("p", "", "d"), device.Stay{Number: 2, Pending: true})
	n.folder("p", uid2)
	for range 3 {
		n.stay("with its own folder, besides the former's", claims("p", uid2, "d"), device.Stay{Number: 2})
	}
	n.noFolder("p", uid1)
	n.stay("when that is gone", claims("p", uid2, "d"), device.Stay{Number: 2})
}

func TestPodWithTheClaimOfTheFormerPodOfItsName(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.SetPods(claimer("p", "c"))
	n.stay("the first", claims("p", "", "c"), device.Stay{Number: 1, Pending: true})
	n.folder("p", uid1)
	n.stay("with a folder", claims("p", uid1, "c"), device.Stay{Number: 1})
	n.folder("p", uid2)
	for range 3 {
		n.stay("the second, which was never missed", claims("p", uid2, "c"), device.Stay{Number: 1})
	}
	n.folder("p", uid3)
	for range 3 {
		n.stay("the third", claims("p", uid3, "c"), device.Stay{Number: 1})
	}
}

func TestPodWithClaimsOnlyGivesUpWaiting(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.SetPods(claimer("p", "c"))
	n.stay("at first", claims("p", "", "c"), device.Stay{Number: 1, Pending: true})
	n.clock.Advance(19 * time.Second)
	n.stay("when no folder came", claims("p", "", "c"), device.Stay{Number: 1})
	n.folder("p", uid1)
	n.stay("when one comes", claims("p", uid1, "c"), device.Stay{Number: 1})
}

func TestPodWithClaimsOnlyAndTwoFoldersFromTheStart(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	n.folder("p", uid1)
	n.folder("p", uid2)
	n.SetPods(claimer("p", "c"))
	n.stay("while the kubelet may remove one", claims("p", "", "c"), device.Stay{Number: 1, Pending: true})
	n.clock.Advance(time.Minute)
	n.stay("for long", claims("p", "", "c"), device.Stay{Number: 1, Pending: true})
	n.noFolder("p", uid1)
	n.stay("when it did", claims("p", uid2, "c"), device.Stay{Number: 1})
}

func TestPodWithADevicePluginsDevicesAndClaimsWaits(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := claimer("p", "c")
	p.UID = uid1
	p.Containers[0].Devices = []kubelettest.Devices{{Resource: gpuResource, IDs: []string{"GPU-1"}}}
	n.SetPods(p)
	n.wants("before the checkpoint tells of it", nil, claims("p", "", "c"), gpus("a", "p", "", "GPU-1"))
	n.WriteCheckpoint(p)
	n.wants("when it does", only(claims("p", uid1, "c"), gpus("a", "p", uid1, "GPU-1")))
}

// meanwhile is an API during whose next answer something happens.
type meanwhile struct {
	podresources.PodResourcesListerClient
	happen func()
}

func (m *meanwhile) List(ctx context.Context, r *podresources.ListPodResourcesRequest, o ...grpc.CallOption) (*podresources.ListPodResourcesResponse, error) {
	list, err := m.PodResourcesListerClient.List(ctx, r, o...)
	if m.happen != nil {
		m.happen()
		m.happen = nil
	}
	return list, err
}

// Else the folder would be taken for one of a former pod, for two minutes.
func TestAFolderThatIsMadeWhileThePodsAreListedIsNoFormerPods(t *testing.T) {
	t.Parallel()
	n := newOldNode(t, false, true)
	api := &meanwhile{PodResourcesListerClient: n.Direct()}
	k, err := kubelet.NewWith(kubelet.Config{Socket: n.Socket(), Now: n.clock.Now, PodLogs: n.logs}, api, func() int64 { return 1 })
	if err != nil {
		t.Fatal(err)
	}
	n.k = k
	n.wants("nobody is there", nil)
	api.happen = func() {
		n.SetPods(claimer("p", "c"))
		n.folder("p", uid1)
	}
	n.wants("the pod comes behind the list", nil)
	n.stay("the pod is listed", claims("p", uid1, "c"), device.Stay{Number: 1})
}
