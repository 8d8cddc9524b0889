package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// ofCluster is an hour in which a cluster has the GPUs for a time each.
func ofCluster(cluster string, hour window.Window, has time.Duration, uuids ...string) usage.Hour {
	h := usage.Hour{Cluster: cluster, Window: hour, Source: "gputally", Road: "json"}
	for _, uuid := range uuids {
		s := held(hour, "pod", 0, has)
		s.Cluster, s.UUID = cluster, uuid
		rest := s
		rest.State, rest.HeldFrom, rest.HeldTo, rest.GPUMillis = usage.Absent, s.HeldTo, hour.To.UnixMilli(), (time.Hour - has).Milliseconds()
		rest.Namespace, rest.Pod, rest.PodUID, rest.Container, rest.ActiveMillis, rest.ObservedMillis = "", "", "", "", 0, 0
		h.Segments = append(h.Segments, s, rest)
	}
	return h
}

func TestAGPUInTwoClustersIsFound(t *testing.T) {
	t.Parallel()
	five, six := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")
	whole := time.Hour
	for name, tt := range map[string]struct {
		hours []usage.Hour
		only  []string
		want  []string
	}{
		"each has its own":             {[]usage.Hour{ofCluster("a", five, whole, "GPU-1"), ofCluster("b", five, whole, "GPU-2")}, nil, nil},
		"both have one":                {[]usage.Hour{ofCluster("a", five, whole, "GPU-1", "GPU-2"), ofCluster("b", five, whole, "GPU-2")}, nil, []string{"05 clusters a and b both have GPU-2"}},
		"one after the other":          {[]usage.Hour{ofCluster("a", five, whole, "GPU-1"), ofCluster("b", six, whole, "GPU-1")}, nil, nil},
		"it moved":                     {[]usage.Hour{ofCluster("a", five, 20*time.Minute, "GPU-1"), ofCluster("b", five, 44*time.Minute, "GPU-1")}, nil, nil},
		"it moved, and both go on":     {[]usage.Hour{ofCluster("a", five, 20*time.Minute, "GPU-1"), ofCluster("b", five, 46*time.Minute, "GPU-1")}, nil, []string{"05 clusters a and b both have GPU-1"}},
		"absent from one":              {[]usage.Hour{ofCluster("a", five, whole, "GPU-1"), ofCluster("b", five, 0, "GPU-1")}, nil, nil},
		"many":                         {[]usage.Hour{ofCluster("a", six, whole, "GPU-1", "GPU-2", "GPU-3", "GPU-4", "GPU-5"), ofCluster("b", six, whole, "GPU-1", "GPU-2", "GPU-3", "GPU-4", "GPU-5")}, nil, []string{"06 clusters a and b both have GPU-1, GPU-2, GPU-3, and 2 more"}},
		"of the one that is asked for": {[]usage.Hour{ofCluster("a", five, whole, "GPU-1"), ofCluster("b", five, whole, "GPU-1", "GPU-2"), ofCluster("c", five, whole, "GPU-2")}, []string{"c"}, []string{"05 clusters b and c both have GPU-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			for _, h := range tt.hours {
				put(t, b, h)
			}
			var found []string
			err := ledger.New(b, ledger.Config{}).VerifyClusters(t.Context(), []string{"a", "b", "c"}, tt.only, window.Window{To: six.To}, func(f ledger.Finding) error {
				what, _, _ := strings.Cut(f.What, " for the same time")
				found = append(found, f.Hour.From.Format("15 ")+what)
				if f.Kind != ledger.Duplicate || f.Do == "" {
					t.Errorf("the finding is %v", f)
				}
				return nil
			})
			if diff := cmp.Diff(tt.want, found); err != nil || diff != "" {
				t.Errorf("%v (-want +found)\n%s", err, diff)
			}
		})
	}
}

// An hour that can't be read is another finding, and does not hide those of others.
func TestClustersAreComparedAsFarAsTheyCanBeRead(t *testing.T) {
	t.Parallel()
	b := empty()
	for n := range 2 {
		hour := hourAt(t, "2026-11-20T05:00:00Z")
		hour = window.Hour(hour.From.Add(time.Duration(n) * time.Hour))
		put(t, b, ofCluster("a", hour, time.Hour, "GPU-1"))
		put(t, b, ofCluster("b", hour, time.Hour, "GPU-1"))
	}
	key := ledger.Key("a", hourAt(t, "2026-11-20T05:00:00Z"))
	overwrite(t, b, key, flip(read(t, b, key), 100))
	var found []bucket.Object
	err := ledger.New(b, ledger.Config{}).VerifyClusters(t.Context(), []string{"a", "b"}, nil, theDay(t), func(f ledger.Finding) error {
		found = append(found, bucket.Object{Key: f.Object})
		return nil
	})
	if err != nil || len(found) != 1 || found[0].Key != ledger.Key("a", hourAt(t, "2026-11-20T06:00:00Z")) {
		t.Errorf("found %v, %v", found, err)
	}
}
