package attribution_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gputally/gputally/collector/attribution"
	"github.com/gputally/gputally/collector/device"
)

func TestWhichGPUsAreOffered(t *testing.T) {
	t.Parallel()
	all := func(is bool) map[string]bool {
		return map[string]bool{"GPU-a": is, "GPU-b": is, "GPU-m": is, "GPU-s": is}
	}
	but := func(m map[string]bool, uuid string, is bool) map[string]bool { m[uuid] = is; return m }
	everything := offered("GPU-a", "GPU-b", "MIG-3", "MIG-2::0")
	without := offered("GPU-b", "MIG-3", "MIG-2::0")
	claimed := []device.Allocation{{Holder: pod("c"), Claims: []device.Claim{{Driver: "gpu.nvidia.com", Pool: "node-1", Device: "gpu-0"}}}}
	only := func(h map[string][]string) device.Holders { return device.Holders{Offered: h} }
	for name, tc := range map[string]struct {
		polls []device.Holders
		want  map[string]bool // after the last
	}{
		"all are":                              {[]device.Holders{only(everything)}, all(true)},
		"nothing ever was":                     {[]device.Holders{only(nil), {Allocations: []device.Allocation{holds("p", "GPU-a")}}}, nil},
		"one no longer is":                     {[]device.Holders{only(everything), only(without)}, but(all(true), "GPU-a", false)},
		"one no longer is, though it is held":  {[]device.Holders{only(everything), {Offered: without, Allocations: []device.Allocation{holds("p", "GPU-a")}}}, but(all(true), "GPU-a", false)},
		"one never was, and others are":        {[]device.Holders{only(without)}, but(all(true), "GPU-a", false)},
		"one is again":                         {[]device.Holders{only(everything), only(without), only(everything)}, all(true)},
		"a part of one is enough":              {[]device.Holders{only(offered("GPU-a::3", "MIG-1"))}, map[string]bool{"GPU-a": true, "GPU-b": false, "GPU-m": true, "GPU-s": false}},
		"none is any more":                     {[]device.Holders{only(everything), only(nil)}, all(false)},
		"ids of another form are, too":         {[]device.Holders{only(everything), only(offered("GPU-b", "0000:0a:00.0"))}, map[string]bool{"GPU-b": true}},
		"another resource is":                  {[]device.Holders{only(map[string][]string{"nvidia.com/gpu": {"GPU-a"}, "nvidia.com/mig-3g.40gb": {"MIG-3"}})}, map[string]bool{"GPU-a": true, "GPU-b": false, "GPU-m": true, "GPU-s": false}},
		"others may be for claims":             {[]device.Holders{{Offered: offered("GPU-b"), Allocations: claimed}}, map[string]bool{"GPU-b": true}},
		"one no longer is, others are claimed": {[]device.Holders{only(offered("GPU-a", "GPU-b")), {Offered: offered("GPU-b"), Allocations: claimed}}, map[string]bool{"GPU-a": false, "GPU-b": true}},
		"claims have taken the plugin's place": {[]device.Holders{only(everything), {Allocations: claimed}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := attribution.New(attribution.Config{})
			var got attribution.Result
			for _, h := range tc.polls {
				got = r.Resolve(inventory(), h)
			}
			if diff := cmp.Diff(tc.want, got.Offered, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
