package kubelet_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/kubelet"
)

func TestDecodeCheckpoint(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		want []kubelet.CheckpointEntry
	}{
		"of a node without holders": {
			`{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{"nvidia.com/gpu":["GPU-1"]}},"Checksum":1}`, nil,
		},
		"ids of all NUMA nodes, sorted": {
			`{"Data":{"PodDeviceEntries":[{"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"1":["b","a"],"0":["c"],"-1":["d"]},"AllocResp":"Cg=="}]},"Checksum":1}`,
			[]kubelet.CheckpointEntry{{PodUID: "u", Container: "c", Resource: "r", Devices: []string{"a", "b", "c", "d"}}},
		},
		"with keys that are not known here": {
			`{"BootID":"x","New":{"A":1},"Data":{"New":[1],"PodDeviceEntries":[{"New":true,"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"0":["a"]}}]}}`,
			[]kubelet.CheckpointEntry{{PodUID: "u", Container: "c", Resource: "r", Devices: []string{"a"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := kubelet.DecodeCheckpoint([]byte(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func FuzzDecodeCheckpoint(f *testing.F) {
	for _, s := range []string{
		`{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}},"Checksum":1}`,
		`{"Data":{"PodDeviceEntries":[{"PodUID":"u","ContainerName":"c","ResourceName":"r","DeviceIDs":{"0":["a"]},"AllocResp":"Cg=="}]}}`,
		`{"Data":{"PodDeviceEntries":[{}]}}`, `{"Data":null}`, `{}`, `[]`, ``, `{"Data":{"PodDeviceEntries":[{"DeviceIDs":[]}]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, err := kubelet.DecodeCheckpoint(content)
		if err != nil {
			if !errors.Is(err, kubelet.ErrCheckpoint) || entries != nil {
				t.Errorf("entries %v, error %v", entries, err)
			}
			return
		}
		for _, e := range entries {
			if e.PodUID == "" || e.Container == "" || e.Resource == "" || !slices.IsSorted(e.Devices) {
				t.Errorf("entry %+v", e)
			}
		}
	})
}
