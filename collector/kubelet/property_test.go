package kubelet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

// life is a pod from its admission to its last trace.
type life struct {
	name, uid, gpu string
	state          state
	changed        int  // poll of the latest change of state
	folder         bool // a log folder is there
}

type state int

const (
	pending    state = iota // admitted; no cgroup
	running                 // cgroup and folder
	terminated              // listed, and holds nothing
	gone                    // not listed; perhaps a folder is left
)

// history drives an old node at random, within what kubelets do: of pods with
// one name at most one is not gone; a GPU is given away only once nobody holds
// it; the checkpoint is written at most three seconds after that, before the pod
// starts; and folders are removed within a minute and a half. Where no cgroups show that pods
// have ended, a pod of the same name on the same GPU is missing in one poll at least.
type history struct {
	*oldNode
	lives   []*life
	poll    int
	written int  // poll at which the checkpoint must have been written; 0 if it is
	lingers bool // terminated pods are listed, as before Kubernetes 1.34
	cgroups bool // they show which pods have ended
	claims  bool // pods hold claims only
}

// draw is one of n with equal chances.
func draw(t *rapid.T, n int) int { return rapid.IntRange(0, n-1).Draw(t, "chance") }

func (h *history) step(t *rapid.T) {
	for _, l := range h.lives {
		h.age(t, l)
	}
	h.admit(t)
	var listed, holding []kubelettest.Pod
	for _, l := range h.lives {
		if l.state < terminated || l.state == terminated && h.lingers {
			listed = append(listed, h.pod(l))
		}
		if l.state < terminated {
			holding = append(holding, h.pod(l))
		}
	}
	h.SetPods(listed...)
	if h.written > 0 && (h.poll >= h.written || draw(t, 2) == 0) {
		h.WriteCheckpoint(holding...)
		h.written = 0
	}
}

// pod is what the kubelet lists of a life. Those of one name have one claim on a GPU.
func (h *history) pod(l *life) kubelettest.Pod {
	if !h.claims {
		return kubelettest.GPUs("a", l.name, l.uid, l.gpu)
	}
	c := kubelettest.Claim{Namespace: "a", Name: l.name, Driver: "gpu.nvidia.com", Pool: "n", Devices: []kubelettest.ClaimDevice{{Name: l.gpu}}}
	return kubelettest.Pod{Namespace: "a", Name: l.name, UID: l.uid, Containers: []kubelettest.Container{{Name: "main", Claims: []kubelettest.Claim{c}}}}
}

// age moves a pod on in its life.
func (h *history) age(t *rapid.T, l *life) {
	before := l.state
	switch {
	case l.state == pending && h.written == 0 && draw(t, 3) == 0:
		h.begin(l.uid)
		h.folder(l.name, l.uid)
		l.state, l.folder = running, true
	case l.state == running && draw(t, 8) == 0:
		h.end(l.uid)
		l.state = terminated
	case l.state == terminated && (!h.lingers || draw(t, 4) == 0):
		l.state = gone
	case l.state == gone && l.folder && (draw(t, 20) == 0 || h.poll-l.changed > 90):
		h.noFolder(l.name, l.uid)
		l.folder = false
	}
	if l.state != before {
		l.changed = h.poll
	}
}

func (h *history) admit(t *rapid.T) {
	name, gpu := fmt.Sprintf("p-%d", draw(t, 2)), fmt.Sprintf("GPU-%d", draw(t, 2))
	if draw(t, 4) > 0 || slices.ContainsFunc(h.lives, func(l *life) bool {
		return l.state < gone && l.name == name || l.state < terminated && l.gpu == gpu ||
			!h.cgroups && l.name == name && l.gpu == gpu && h.poll == l.changed // nothing tells the two apart
	}) {
		return
	}
	uid := fmt.Sprintf("%08x-3d6b-4a0f-9f8f-1d2c3b4a5f60", len(h.lives)+1)
	h.lives = append(h.lives, &life{name: name, uid: uid, gpu: gpu, changed: h.poll})
	if h.written == 0 {
		h.written = h.poll + 3
	}
}

// check compares what the client says with the lives.
func (h *history) check(t *rapid.T) {
	t.Helper()
	got, err := h.k.Holders(h.t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h.claims {
		h.checkClaims(t, got)
	}
	for _, a := range got.Allocations {
		of := func(l *life) bool {
			return l.state != gone && l.name == a.Holder.Pod && l.gpu == gpuOf(a)
		}
		i := slices.IndexFunc(h.lives, of)
		if i < 0 {
			t.Fatalf("poll %d: %+v is not listed", h.poll, a)
		}
		l := h.lives[i]
		if a.Holder.PodUID != "" && a.Holder.PodUID != l.uid {
			t.Fatalf("poll %d: %s has UID %s, and is metered under %s", h.poll, l.name, l.uid, a.Holder.PodUID)
		}
		if l.state == terminated && a.Holder.PodUID != "" && (h.cgroups || h.succeeded(l)) {
			t.Fatalf("poll %d: %s has ended, and is metered", h.poll, l.name)
		}
	}
	h.poll++
	h.clock.Advance(time.Second)
}

func gpuOf(a device.Allocation) string {
	if len(a.Claims) > 0 {
		return a.Claims[0].Device
	}
	return a.Devices[0]
}

// checkClaims finds each pod with claims in the books, from when it is first listed.
func (h *history) checkClaims(t *rapid.T, got device.Holders) {
	t.Helper()
	for _, l := range h.lives {
		if l.state < terminated && !slices.ContainsFunc(got.Allocations, func(a device.Allocation) bool { return a.Holder.Pod == l.name && gpuOf(a) == l.gpu }) {
			t.Fatalf("poll %d: %s is listed, and not metered", h.poll, l.name)
		}
	}
}

// succeeded is true if another pod has the GPU, and the checkpoint knows it.
func (h *history) succeeded(of *life) bool {
	return h.written == 0 && slices.ContainsFunc(h.lives, func(l *life) bool {
		return l.state < terminated && l.gpu == of.gpu && l.name != of.name
	})
}

func TestNoPodIsMeteredUnderAnothersUID(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]sources{
		"checkpoint, before 1.34": {checkpoint: true, cgroups: true},
		"folders, before 1.34":    {folders: true, cgroups: true},
		"both, before 1.34":       {checkpoint: true, folders: true, cgroups: true},
		"checkpoint":              {checkpoint: true},
		"folders":                 {folders: true},
		"checkpoint, before 1.34, without cgroups": {checkpoint: true, lingers: true},
		"both, before 1.34, without cgroups":       {checkpoint: true, folders: true, lingers: true},
		"claims":                                   {checkpoint: true, folders: true, claims: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				h := &history{oldNode: newNodeWith(t, from), lingers: from.cgroups || from.lingers, cgroups: from.cgroups, claims: from.claims}
				for range rapid.IntRange(1, 60).Draw(rt, "polls") {
					h.step(rt)
					h.check(rt)
				}
			})
		})
	}
}
