//go:build linux && cgo

package nvml_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

func TestTheHighestPowerLimit(t *testing.T) {
	const limits, standard = "nvmlDeviceGetPowerManagementLimitConstraints", "nvmlDeviceGetPowerManagementDefaultLimit"
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		for name, tc := range map[string]struct {
			first, then int64 // milliwatts
			fails       map[string]nvmltest.Code
			want        []*float64 // in two readings
		}{
			"it is asked for once":                 {700_000, 100_000, nil, []*float64{new(700.0), new(700.0)}},
			"all bits set are none":                {1<<32 - 1, 700_000, nil, []*float64{nil, new(700.0)}},
			"nothing is none":                      {0, 700_000, nil, []*float64{nil, new(700.0)}},
			"too little for a card is none":        {1, 700_000, nil, []*float64{nil, new(700.0)}},
			"the standard one is the next best":    {700_000, 700_000, map[string]nvmltest.Code{limits: nvmltest.NotSupported}, []*float64{new(700.0), new(700.0)}},
			"not where the highest one only fails": {700_000, 700_000, map[string]nvmltest.Code{limits: nvmltest.Unknown}, []*float64{nil, nil}},
			"a card without limits": {
				700_000, 700_000, map[string]nvmltest.Code{limits: nvmltest.NotSupported, standard: nvmltest.NotSupported}, []*float64{nil, nil},
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := w.source(t)
				var got []*float64
				for _, limit := range []int64{tc.first, tc.then} {
					node := nvmltest.Node(1)
					node.GPUs[0].MaxPower, node.GPUs[0].Fails = limit, tc.fails
					w.play(t, node)
					got = append(got, one(t, s).MaxPower)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	})
}

func TestANumberOfGPUsThatNoNodeHas(t *testing.T) {
	isolated(t, nvmltest.Build, func(t *testing.T, w world) {
		s := w.source(t)
		for _, number := range []int64{1025, 1<<31 - 1, 1<<32 - 1} {
			node := nvmltest.Node(1)
			node.Count = number
			w.play(t, node)
			if _, err := s.Inventory(t.Context()); err == nil {
				t.Errorf("%d GPUs are believed", number)
			}
			w.play(t, nvmltest.Node(1))
			one(t, s)
		}
	})
}
