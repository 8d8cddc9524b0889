package cgroup_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/cgroup"
	"github.com/gputally/gputally/collector/device"
)

const (
	uid      = "6f9e6c9e-3d6b-4a0f-9f8f-1d2c3b4a5f60"
	slice    = "6f9e6c9e_3d6b_4a0f_9f8f_1d2c3b4a5f60"
	otherUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	static   = "1f0dcab8e9e4f5a6b7c8d9e0f1a2b3c4"
	id       = "9d1cbb7e6a3f8c2d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5"
	otherID  = "aa1cbb7e6a3f8c2d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	owner := device.Owner{PodUID: uid, ContainerID: id}
	pod := device.Owner{PodUID: uid}
	for name, tc := range map[string]struct {
		path string
		want device.Owner
	}{
		"containerd, systemd, burstable":       {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice/cri-containerd-" + id + ".scope", owner},
		"containerd, systemd, best effort":     {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + slice + ".slice/cri-containerd-" + id + ".scope", owner},
		"containerd, systemd, guaranteed":      {"/kubepods.slice/kubepods-pod" + slice + ".slice/cri-containerd-" + id + ".scope", owner},
		"containerd, cgroupfs, burstable":      {"/kubepods/burstable/pod" + uid + "/" + id, owner},
		"containerd, cgroupfs, guaranteed":     {"/kubepods/pod" + uid + "/" + id, owner},
		"CRI-O, systemd":                       {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice/crio-" + id + ".scope", owner},
		"CRI-O, systemd, with a child":         {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice/crio-" + id + ".scope/container", owner},
		"CRI-O, cgroupfs":                      {"/kubepods/besteffort/pod" + uid + "/crio-" + id, owner},
		"the monitor of CRI-O":                 {"/kubepods.slice/kubepods-pod" + slice + ".slice/crio-conmon-" + id + ".scope", pod},
		"Docker, systemd":                      {"/kubepods.slice/kubepods-pod" + slice + ".slice/docker-" + id + ".scope", owner},
		"a runtime of another driver":          {"/system.slice/containerd.service/kubepods-burstable-pod" + slice + ".slice:cri-containerd:" + id, owner},
		"a kubelet with a root of its own":     {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" + slice + ".slice/cri-containerd-" + id + ".scope", owner},
		"kind":                                 {"/docker/" + otherID + "/kubelet/kubepods/besteffort/pod" + uid + "/" + id, owner},
		"a pod of a file":                      {"/kubepods/burstable/pod" + static + "/" + id, device.Owner{PodUID: static, ContainerID: id}},
		"a child of the container":             {"/kubepods/burstable/pod" + uid + "/" + id + "/init.scope", owner},
		"a container's own idea of a pod":      {"/kubepods/burstable/pod" + uid + "/" + id + "/kubepods/pod" + otherUID + "/" + otherID, owner},
		"from another pod's namespace":         {"/../../../kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice/cri-containerd-" + id + ".scope", owner},
		"from a namespace, cgroupfs":           {"/../../pod" + uid + "/" + id, owner},
		"the pod itself":                       {"/kubepods/burstable/pod" + uid, pod},
		"a container by another name":          {"/kubepods/burstable/pod" + uid + "/runsc-sandbox", pod},
		"a service":                            {"/system.slice/nvidia-persistenced.service", device.Owner{}},
		"a user":                               {"/user.slice/user-1000.slice/session-3.scope", device.Owner{}},
		"the root":                             {"/", device.Owner{}},
		"nothing":                              {"", device.Owner{}},
		"a container without Kubernetes":       {"/docker/" + id, device.Owner{}},
		"a pod of podman":                      {"/machine.slice/machine-libpod_pod_" + id + ".slice/libpod-" + id + ".scope", device.Owner{}},
		"a class of service":                   {"/kubepods.slice/kubepods-burstable.slice", device.Owner{}},
		"a UID too short":                      {"/kubepods/burstable/pod6f9e6c9e/" + id, device.Owner{}},
		"a UID with another letter":            {"/kubepods/burstable/pod" + strings.Replace(uid, "6", "g", 1) + "/" + id, device.Owner{}},
		"a slice that is not the kubelet's":    {"/app.slice/app-pod" + slice + ".slice/cri-containerd-" + id + ".scope", device.Owner{}},
		"a UID with dashes out of their place": {"/kubepods/pod6f9e6c9e3-d6b-4a0f-9f8f-1d2c3b4a5f60/" + id, device.Owner{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, cgroup.ParsePath(tc.path)); d != "" {
				t.Errorf("%s: -want +got\n%s", tc.path, d)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const v1 = "12:pids:/kubepods/burstable/pod" + uid + "/" + id + "\n" +
		"11:cpu,cpuacct:/kubepods/burstable/pod" + uid + "/" + id + "\n" +
		"1:name=systemd:/kubepods/burstable/pod" + uid + "/" + id + "\n"
	for name, tc := range map[string]struct {
		content string
		want    device.Owner
	}{
		"v2":                               {"0::/kubepods/burstable/pod" + uid + "/" + id + "\n", device.Owner{PodUID: uid, ContainerID: id}},
		"v1":                               {v1, device.Owner{PodUID: uid, ContainerID: id}},
		"a mixture, where v2 is empty":     {v1 + "0::/\n", device.Owner{PodUID: uid, ContainerID: id}},
		"a hierarchy that ends at the pod": {"2:cpu:/kubepods/pod" + uid + "\n" + v1, device.Owner{PodUID: uid, ContainerID: id}},
		"hierarchies that disagree on the pod": {
			v1 + "3:devices:/kubepods/pod" + otherUID + "/" + id + "\n", device.Owner{},
		},
		"hierarchies that disagree on the container": {
			v1 + "3:devices:/kubepods/pod" + uid + "/" + otherID + "\n", device.Owner{},
		},
		"a path with colons":    {"0::/system.slice/containerd.service/kubepods-pod" + slice + ".slice:cri-containerd:" + id + "\n", device.Owner{PodUID: uid, ContainerID: id}},
		"without a last break":  {"0::/kubepods/pod" + uid + "/" + id, device.Owner{PodUID: uid, ContainerID: id}},
		"no pod":                {"9:name=systemd:/\n0::/system.slice/containerd.service\n", device.Owner{Host: true}},
		"nothing":               {"", device.Owner{}},
		"not what it should be": {"garbage\n\n:", device.Owner{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, cgroup.Parse([]byte(tc.content))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestThisProcessIsInNoPod(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skipf("no cgroups here: %v", err)
	}
	if strings.Contains(string(content), "pod") {
		t.Skip("this test runs in a pod")
	}
	if got := cgroup.Parse(content); got != (device.Owner{Host: true}) {
		t.Errorf("%+v, want the host, of %s", got, content)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("0::/kubepods/burstable/pod" + uid + "/" + id + "\n"))
	f.Add([]byte("0::/kubepods.slice/kubepods-pod" + slice + ".slice/crio-" + id + ".scope\n"))
	f.Add([]byte("0::/../kubepods-pod" + slice + ".slice:cri-containerd:" + id))
	f.Fuzz(func(t *testing.T, content []byte) {
		o := cgroup.Parse(content)
		if o.PodUID == "" && o.ContainerID != "" || o.PodUID != "" && o.Host {
			t.Errorf("%+v has a container without a pod, or is in a pod and in none", o)
		}
		if o.PodUID != "" && len(o.PodUID) != 36 && len(o.PodUID) != 32 || o.ContainerID != "" && len(o.ContainerID) != 64 {
			t.Errorf("%+v is of no known form", o)
		}
		if strings.ContainsAny(o.PodUID+o.ContainerID, "/_.: \n") {
			t.Errorf("%+v has parts of a path", o)
		}
	})
}
