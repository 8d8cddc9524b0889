package kubelet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// restart makes the kubelet restart and list these pods. One poll finds it again, in
// no time.
func (n *node) restart(pods ...kubelettest.Pod) {
	n.t.Helper()
	n.Stop()
	n.SetPods(pods...)
	n.Run()
	untilAnswer(n.t, n.k)
}

// estimates polls once more, without time going by, and compares the pods that go on
// as estimated.
func (n *node) estimates(when string, pods ...string) {
	n.t.Helper()
	var got []string
	h := poll(n.t, n.k)
	for _, a := range h.Allocations {
		if h.Estimated[a.Holder] {
			got = append(got, a.Holder.Pod)
		}
	}
	if d := cmp.Diff(pods, got, cmpopts.EquateEmpty()); d != "" || len(h.Estimated) != len(pods) {
		n.t.Errorf("%s: estimated %v, -want +got\n%s", when, h.Estimated, d)
	}
}

func TestListOfARestartedKubelet(t *testing.T) {
	t.Parallel()
	p, q := kubelettest.GPUs("a", "p", "uid-p", "GPU-1", "GPU-2"), kubelettest.GPUs("a", "q", "uid-q", "GPU-3")
	part := kubelettest.GPUs("a", "p", "uid-p", "GPU-2")
	onP, onQ := gpus("a", "p", "uid-p", "GPU-1", "GPU-2"), gpus("a", "q", "uid-q", "GPU-3")
	for name, tc := range map[string]struct {
		before func(n *node)
		lists  []kubelettest.Pod
		want   []device.Allocation
		guess  []string
	}{
		"is empty":                   {lists: nil, want: only(onP, onQ), guess: []string{"p", "q"}},
		"is complete":                {lists: []kubelettest.Pod{q, p}, want: only(onP, onQ)},
		"lacks a pod":                {lists: []kubelettest.Pod{q}, want: only(onP, onQ), guess: []string{"p"}},
		"has a part of a pod":        {lists: []kubelettest.Pod{part, q}, want: only(onP, onQ), guess: []string{"p"}},
		"lacks one that has ended":   {before: func(n *node) { n.WriteCheckpoint(q) }, lists: nil, want: only(onQ), guess: []string{"q"}},
		"lacks one with less":        {before: func(n *node) { n.WriteCheckpoint(part, q) }, lists: nil, want: only(onQ), guess: []string{"q"}},
		"has a pod with another GPU": {lists: []kubelettest.Pod{kubelettest.GPUs("a", "q", "uid-q", "GPU-4")}, want: only(onP), guess: []string{"p"}},
		"comes with a checkpoint of another UID": {
			before: func(n *node) { n.WriteCheckpoint(kubelettest.GPUs("a", "p", "uid-2", "GPU-1", "GPU-2"), q) }, lists: nil, want: only(onQ), guess: []string{"q"},
		},
		"comes without a checkpoint":        {before: func(n *node) { n.RemoveCheckpoint() }, lists: nil, want: only(onP, onQ), guess: []string{"p", "q"}},
		"lacks a pod, without a checkpoint": {before: func(n *node) { n.RemoveCheckpoint() }, lists: []kubelettest.Pod{q}, want: only(onQ)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.Hold(p, q)
			n.wants("before", only(onP, onQ))
			if tc.before != nil {
				tc.before(n)
			}
			n.restart(tc.lists...)
			n.estimates("after", tc.guess...)
			if d := cmp.Diff(tc.want, poll(t, n.k).Allocations, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("after: -want +got\n%s", d)
			}
		})
	}
}

func TestAListIsCompletedForAsLongAsTheGrace(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p, q := kubelettest.GPUs("a", "p", "uid-p", "GPU-1"), kubelettest.GPUs("a", "q", "uid-q", "GPU-2")
	both := only(gpus("a", "p", "uid-p", "GPU-1"), gpus("a", "q", "uid-q", "GPU-2"))
	n.Hold(p, q)
	n.wants("at first", both)
	n.restart()
	for range 9 {
		n.wants("after a restart", both)
	}
	n.restart()
	for range 10 {
		n.wants("after another restart", both)
	}
	n.wants("when the grace is over", nil)
	n.SetPods(p, q)
	n.wants("they come after all", both)

	n = newNode(t)
	n.Hold(p, q)
	n.wants("at first", both)
	n.restart(q, p)
	n.SetPods(q) // not the kubelet's first word, but a complete one
	n.wants("one ends soon after a restart", only(both[1]))
}

func TestClaimsAfterARestart(t *testing.T) {
	t.Parallel()
	claim := kubelettest.Claim{Namespace: "a", Name: "one", Driver: "gpu.nvidia.com", Pool: "node", Devices: []kubelettest.ClaimDevice{{Name: "gpu-0"}}}
	claims := func(name string, claim kubelettest.Claim) kubelettest.Pod {
		return kubelettest.Pod{Namespace: "a", Name: name, Containers: []kubelettest.Container{{Name: "main", Claims: []kubelettest.Claim{claim}}}}
	}
	n := newNode(t)
	n.SetPods(claims("p", claim))
	n.clock.Advance(settled)
	poll(t, n.k)
	n.clock.Advance(settled)
	n.restart()
	n.estimates("when nobody is listed", "p")
	other := claim
	other.Name = "two"
	n.restart(claims("q", other))
	n.estimates("when another claim has the device")
}

// A claim with admin access is on what others hold, too.
func TestClaimsOnOneDeviceAfterARestart(t *testing.T) {
	t.Parallel()
	n := newNodeWith(t, sources{folders: true})
	tenant, looks, other := claimer("tenant", "c"), claimer("looks", "all"), claimer("other", "d")
	n.SetPods(tenant, looks)
	poll(t, n.k)
	for name, uid := range map[string]string{"tenant": uid1, "looks": uid2, "other": uid3} {
		n.folder(name, uid)
	}
	n.wants("before", only(claims("looks", uid2, "all"), claims("tenant", uid1, "c")))
	n.restart(looks)
	n.estimates("the one that looks on is listed first", "tenant")
	n.restart(tenant)
	n.estimates("the tenant is listed first", "looks")
	n.restart(looks, other)
	n.estimates("the device was given to another")
}

func TestAClientThatBeginsWithTheKubelet(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := kubelettest.GPUs("a", "p", "uid-p", "GPU-1")
	n.WriteCheckpoint(p)
	held := device.Allocation{Holder: device.Holder{PodUID: "uid-p"}, Resource: gpuResource, Devices: []string{"GPU-1"}}
	for range 5 {
		n.wants("while nobody is listed", nil, held)
	}
	n.SetPods(p)
	n.wants("when it is listed", only(gpus("a", "p", "uid-p", "GPU-1")))
	n = newNode(t)
	n.WriteCheckpoint(p)
	for range 10 {
		n.wants("while nobody is listed", nil, held)
	}
	n.wants("when the grace is over", nil)
}
