package attribution_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/attribution"
)

const uuid = "5f2a1c34-9b1e-4f6d-8a77-0c1d2e3f4a5b"

func TestParseID(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		want attribution.ID
	}{
		"a whole GPU":                        {"GPU-" + uuid, attribution.ID{UUID: "GPU-" + uuid, Minor: -1, GPUInstance: -1, ComputeInstance: -1, Slot: -1}},
		"a slot of a GPU":                    {"GPU-" + uuid + "::0", attribution.ID{UUID: "GPU-" + uuid, Minor: -1, GPUInstance: -1, ComputeInstance: -1, Slot: 0}},
		"a slot with two digits":             {"GPU-" + uuid + "::47", attribution.ID{UUID: "GPU-" + uuid, Minor: -1, GPUInstance: -1, ComputeInstance: -1, Slot: 47}},
		"a MIG instance":                     {"MIG-" + uuid, attribution.ID{UUID: "MIG-" + uuid, Minor: -1, GPUInstance: -1, ComputeInstance: -1, Slot: -1}},
		"a slot of a MIG instance":           {"MIG-" + uuid + "::3", attribution.ID{UUID: "MIG-" + uuid, Minor: -1, GPUInstance: -1, ComputeInstance: -1, Slot: 3}},
		"a GPU on GKE":                       {"nvidia0", attribution.ID{Minor: 0, GPUInstance: -1, ComputeInstance: -1, Slot: -1}},
		"a GPU on GKE with a two-digit file": {"nvidia15", attribution.ID{Minor: 15, GPUInstance: -1, ComputeInstance: -1, Slot: -1}},
		"a slot on GKE":                      {"nvidia0/vgpu3", attribution.ID{Minor: 0, GPUInstance: -1, ComputeInstance: -1, Slot: 3}},
		"a GPU instance on GKE":              {"nvidia0/gi1", attribution.ID{Minor: 0, GPUInstance: 1, ComputeInstance: -1, Slot: -1}},
		"a slot of a GPU instance on GKE":    {"nvidia2/gi1/vgpu0", attribution.ID{Minor: 2, GPUInstance: 1, ComputeInstance: -1, Slot: 0}},
		"a compute instance by its files":    {"nvidia2/gi11/ci1", attribution.ID{Minor: 2, GPUInstance: 11, ComputeInstance: 1, Slot: -1}},
		"a MIG instance of an old driver":    {"MIG-GPU-" + uuid + "/7/0", attribution.ID{UUID: "GPU-" + uuid, Minor: -1, GPUInstance: 7, ComputeInstance: 0, Slot: -1}},
		"letters and digits of both ends":    {"GPU-09azAZ", attribution.ID{UUID: "GPU-09azAZ", Minor: -1, GPUInstance: -1, ComputeInstance: -1, Slot: -1}},
		"a number of six digits":             {"nvidia999999", attribution.ID{Minor: 999999, GPUInstance: -1, ComputeInstance: -1, Slot: -1}},
		"a slot of such a MIG instance":      {"MIG-GPU-" + uuid + "/7/0::3", attribution.ID{UUID: "GPU-" + uuid, Minor: -1, GPUInstance: 7, ComputeInstance: 0, Slot: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := attribution.ParseID(tc.in)
			if !ok {
				t.Fatalf("ParseID(%q) refuses", tc.in)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("ParseID(%q): -want +got\n%s", tc.in, d)
			}
		})
	}
}

func TestParseIDRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing":                          "",
		"a prefix alone":                   "GPU-",
		"a slot of nothing":                "GPU-::1",
		"a slot without a number":          "GPU-" + uuid + "::",
		"a negative slot":                  "GPU-" + uuid + "::-1",
		"a slot with a leading zero":       "GPU-" + uuid + "::01",
		"a slot that is a word":            "GPU-" + uuid + "::a",
		"a slot of a slot":                 "GPU-" + uuid + "::1::2",
		"a slot beyond any sense":          "GPU-" + uuid + "::99999999999999999999",
		"a number of seven digits":         "nvidia1000000",
		"a space":                          "GPU-" + uuid + " ",
		"what comes before the digits":     "GPU-/",
		"what comes after the digits":      "GPU-a:",
		"what comes before the letters":    "GPU-@",
		"what comes after the letters":     "GPU-[",
		"what comes before the small ones": "GPU-`",
		"what comes after the small ones":  "GPU-{",
		"an old MIG id without numbers":    "MIG-GPU-" + uuid,
		"an old MIG id with one number":    "MIG-GPU-" + uuid + "/1",
		"an old MIG id with three numbers": "MIG-GPU-" + uuid + "/1/0/0",
		"an old MIG id without a UUID":     "MIG-GPU-/1/0",
		"an old MIG id with a word":        "MIG-GPU-" + uuid + "/1/x",
		"a compute instance of a GPU":      "nvidia0/ci0",
		"a GPU instance after its slot":    "nvidia0/vgpu1/gi1",
		"a device file without a number":   "nvidia",
		"a device file that is no GPU":     "nvidiactl",
		"a GPU instance without a number":  "nvidia0/gi",
		"an empty second part":             "nvidia0/",
		"a slot before the GPU instance":   "nvidia0/vgpu1/gi0",
		"something after the slot":         "nvidia0/vgpu1/x",
		"a PCI address":                    "0000:3b:00.0",
		"an ordinal":                       "0",
		"another vendor":                   "amd-gpu-1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := attribution.ParseID(in); ok {
				t.Errorf("ParseID(%q) = %+v, want a refusal", in, got)
			}
		})
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"GPU-a", "GPU-a::1", "MIG-a::0", "nvidia0", "nvidia0/vgpu3", "nvidia0/gi1", "nvidia0/gi1/vgpu0", "nvidia0/gi1/ci0", "MIG-GPU-a/1/0", "MIG-GPU-a/1/0::2", "GPU-a::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := attribution.ParseID(s)
		if !ok {
			return
		}
		if id.String() != s {
			t.Errorf("ParseID(%q) is spelled %q", s, id)
		}
		if (id.UUID == "") == (id.Minor < 0) {
			t.Errorf("ParseID(%q) = %+v: want either a UUID or a minor number", s, id)
		}
	})
}
