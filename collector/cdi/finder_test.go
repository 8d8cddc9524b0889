package cdi_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/cdi"
	"github.com/gputally/gputally/collector/device"
)

// What NVIDIA's DRA driver writes for a node with a GPU and a MIG instance, cut
// down to a few of the common edits.
const baseSpec = `{
  "cdiVersion": "0.7.0",
  "kind": "k8s.gpu.nvidia.com/device",
  "containerEdits": {
    "env": ["NVIDIA_CTK_LIBCUDA_DIR=/usr/lib/x86_64-linux-gnu", "NVIDIA_VISIBLE_DEVICES=void"],
    "deviceNodes": [{"path": "/dev/nvidia-uvm"}, {"path": "/dev/nvidiactl"}, {"path": "/dev/nvidia-modeset"}],
    "mounts": [{"hostPath": "/usr/bin/nvidia-smi", "containerPath": "/usr/bin/nvidia-smi", "options": ["ro"]}],
    "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["nvidia-cdi-hook", "update-ldcache"]}]
  },
  "devices": [
    {"name": "gpu-0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}, {"path": "/dev/dri/card1"}, {"path": "/dev/dri/renderD128"}]}},
    {"name": "gpu-1-mig-19-0-1", "containerEdits": {"deviceNodes": [
      {"path": "/dev/nvidia1"}, {"path": "/dev/nvidia-caps/nvidia-cap147"}, {"path": "/dev/nvidia-caps/nvidia-cap148"}]}},
    {"name": "gpu-1-mig-19-1-1", "containerEdits": {"deviceNodes": [
      {"path": "/dev/nvidia1"}, {"path": "/dev/nvidia-caps/nvidia-cap900"}, {"path": "/dev/nvidia-caps/nvidia-cap901"}]}}
  ]
}`

const minors = `config 1
monitor 2
gpu0/gi0/access 3
gpu0/gi0/ci0/access 4
gpu1/gi1/access 147
gpu1/gi1/ci0/access 148
`

const yamlSpec = `---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia3
      hostPath: /run/nvidia/driver/dev/nvidia3
- name: env
  containerEdits:
    env: [NVIDIA_VISIBLE_DEVICES=GPU-a]
    deviceNodes:
    - path: /dev/nvidia3
`

// node is a fake node: two folders of CDI files and the table of capabilities.
type node struct {
	t    *testing.T
	root string
	now  time.Time
	f    *cdi.Finder
}

func newNode(t *testing.T) *node {
	n := &node{t: t, root: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for _, dir := range []string{"etc", "run"} {
		if err := os.Mkdir(filepath.Join(n.root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	n.write("mig-minors", minors)
	f, err := cdi.New(cdi.Config{
		Dirs:      []string{filepath.Join(n.root, "etc"), filepath.Join(n.root, "run"), filepath.Join(n.root, "none")},
		MIGMinors: filepath.Join(n.root, "mig-minors"),
		Devices:   map[string]string{"gpu.example.com/rack/left": "GPU-mapped"},
		Now:       func() time.Time { return n.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	n.f = f
	return n
}

// write replaces a file, as CDI's own library does: by renaming.
func (n *node) write(name, content string) {
	n.t.Helper()
	path := filepath.Join(n.root, name)
	if err := os.WriteFile(path+".tmp", []byte(content), 0o600); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		n.t.Fatal(err)
	}
}

// wants looks for a claim with these CDI devices, a second later.
func (n *node) wants(when string, want []string, names ...string) {
	n.t.Helper()
	n.now = n.now.Add(time.Second)
	got := n.f.Find(device.Claim{Driver: "gpu.nvidia.com", Pool: "node-1", Device: "gpu-7", CDI: names})
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		n.t.Errorf("%s: -want +got\n%s", when, d)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.write("run/k8s.gpu.nvidia.com-device_base.json", baseSpec)
	n.write("etc/nvidia.yaml", yamlSpec)
	for name, tc := range map[string]struct {
		names []string
		want  []string
	}{
		"a GPU by its device file":                              {[]string{"k8s.gpu.nvidia.com/device=gpu-0"}, []string{"nvidia0"}},
		"a MIG instance by its capability":                      {[]string{"k8s.gpu.nvidia.com/device=gpu-1-mig-19-0-1"}, []string{"nvidia1/gi1/ci0"}},
		"a MIG instance whose capability is unknown is unknown": {[]string{"k8s.gpu.nvidia.com/device=gpu-1-mig-19-1-1"}, nil},
		"a claim's own device may add nothing":                  {[]string{"k8s.gpu.nvidia.com/device=gpu-0", "k8s.gpu.nvidia.com/claim=u-gpu-0"}, []string{"nvidia0"}},
		"a driver with a root of its own":                       {[]string{"nvidia.com/gpu=0"}, []string{"nvidia3"}},
		"what is made visible goes before device files":         {[]string{"nvidia.com/gpu=env"}, []string{"GPU-a"}},
		"a name that is a UUID needs no file":                   {[]string{"nvidia.com/gpu=GPU-b", "nvidia.com/gpu=MIG-c"}, []string{"GPU-b", "MIG-c"}},
		"two names of one device":                               {[]string{"nvidia.com/gpu=0", "nvidia.com/gpu=0"}, []string{"nvidia3"}},
		"a device that no file knows":                           {[]string{"nvidia.com/gpu=9"}, nil},
		"no CDI device":                                         {nil, nil},
	} {
		n.wants(name, tc.want, tc.names...)
	}
}

func TestConfiguredDevicesGoFirst(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	got := n.f.Find(device.Claim{Driver: "gpu.example.com", Pool: "rack", Device: "left", CDI: []string{"nvidia.com/gpu=GPU-b"}})
	if d := cmp.Diff([]string{"GPU-mapped"}, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestFilesComeChangeAndGo(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	const name = "nvidia.com/gpu=0"
	n.wants("before there is a file", nil, name)
	n.write("etc/nvidia.yaml", yamlSpec)
	n.wants("with a file", []string{"nvidia3"}, name)
	over := `{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[{"name":"0","containerEdits":{"deviceNodes":[{"path":"/dev/nvidia4"}]}}]}`
	n.write("run/a.json", over)
	n.wants("the later folder goes first", []string{"nvidia4"}, name)
	n.write("run/b.json", over)
	n.wants("two files of a folder disagree on whose it is", nil, name)
	n.write("run/b.json", `{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[{"name":"1"}]}`)
	n.wants("the second file has changed", []string{"nvidia4"}, name)
	if err := os.Remove(filepath.Join(n.root, "run/a.json")); err != nil {
		t.Fatal(err)
	}
	n.wants("the first file is gone", []string{"nvidia3"}, name)
}

func TestBadFilesStopNoOthers(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.write("etc/nvidia.yaml", yamlSpec)
	for name, content := range map[string]string{
		"run/garbled.json": `{"cdiVersion":`, "run/empty.json": "", "run/number.yaml": "devices: 7",
		"run/nokind.json": `{"cdiVersion":"0.5.0","kind":"gpu","devices":[{"name":"0"}]}`,
		"run/large.yaml":  string(make([]byte, 5<<20)),
		"run/other.txt":   baseSpec,
	} {
		n.write(name, content)
	}
	n.wants("beside bad files", []string{"nvidia3"}, "nvidia.com/gpu=0")
	n.wants("a file of another kind", nil, "k8s.gpu.nvidia.com/device=gpu-0")
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ file, content string }{
		"nothing":               {"a.json", ""},
		"no version":            {"a.json", `{"kind":"nvidia.com/gpu","devices":[]}`},
		"a kind without class":  {"a.json", `{"cdiVersion":"0.5.0","kind":"nvidia.com/","devices":[]}`},
		"a kind without vendor": {"a.yaml", "cdiVersion: 0.5.0\nkind: /gpu\n"},
		"a device without name": {"a.json", `{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[{}]}`},
		"a list for an object":  {"a.yaml", "- 1\n- 2\n"},
		"YAML in a JSON file":   {"a.json", yamlSpec},
	} {
		if got, err := cdi.Decode(tc.file, []byte(tc.content)); !errors.Is(err, cdi.ErrSpec) {
			t.Errorf("%s: %+v, error %v, want ErrSpec", name, got, err)
		}
	}
}

func TestNewNeedsAClock(t *testing.T) {
	t.Parallel()
	if _, err := cdi.New(cdi.Config{}); err == nil {
		t.Error("New accepts no clock")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("a.json", []byte(baseSpec))
	f.Add("a.yaml", []byte(yamlSpec))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		devices, err := cdi.Decode(name, content)
		if err != nil && !errors.Is(err, cdi.ErrSpec) {
			t.Errorf("error %v is not ErrSpec", err)
		}
		for _, d := range devices {
			if d.Name == "" {
				t.Errorf("a device without a name: %+v", d)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "base.json"), []byte(baseSpec), 0o600); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	f, err := cdi.New(cdi.Config{Dirs: []string{dir}, Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err != nil {
		b.Fatal(err)
	}
	c := device.Claim{CDI: []string{"k8s.gpu.nvidia.com/device=gpu-0"}}
	b.ReportAllocs()
	for b.Loop() {
		if len(f.Find(c)) != 1 {
			b.Fatal("not found")
		}
	}
}
