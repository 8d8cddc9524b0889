package rollup_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/rollup"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// inBatches adds an hour in batches of a size.
func inBatches(r *rollup.Rollup, h rollup.Hour, size int) error {
	return r.AddBatches(h, func(yield func(*usage.Batch, error) bool) {
		var b usage.Batch
		for chunk := range slices.Chunk(h.Segments, size) {
			if b.Fill(chunk); !yield(&b, nil) {
				return
			}
		}
	})
}

// A batch of many pods in many namespaces is sorted in another way than a small
// one; the rows are the same.
func TestSizeOfBatchesChangesNoByte(t *testing.T) {
	t.Parallel()
	var hours []rollup.Hour
	for n := range 2 {
		var segs []usage.Segment
		for i := range 4500 {
			node, uuid := fmt.Sprintf("spot-%d", i%600), fmt.Sprintf("GPU-%d", i)
			s := held(n, node, uuid, h100, fmt.Sprintf("vision-%d", i%700), fmt.Sprintf("pod-%d", i%2500), int64(i%7), int64(20+i%41))
			s.PodUID = fmt.Sprintf("uid-%d", i%4400)
			segs = append(segs, s)
			if i%10 == 0 { // pods of one name, in turns in one namespace and another
				s.Pod, s.PodUID = fmt.Sprintf("db-%d", i), "uid-a"
				elsewhere := s
				elsewhere.Namespace, elsewhere.PodUID = "speech", "uid-b"
				segs = append(segs, s, s, elsewhere, s, elsewhere)
			}
		}
		segs = append(segs, other(n, "spot-1", "GPU-x", h100, usage.Unallocated, 0, 60))
		hours = append(hours, hour(n, segs...))
	}
	p, b := projects(t), book(t)
	for _, groupBy := range groupings() {
		var want string
		for _, size := range []int{7000, 7} {
			r, err := rollup.New(spec(groupBy...), p, b)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range hours {
				if err := inBatches(r, h, size); err != nil {
					t.Fatal(err)
				}
			}
			table, err := r.Table()
			if err != nil {
				t.Fatal(err)
			}
			got := csv(t, table)
			if want == "" {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("by %v (-one batch +many)\n%s", groupBy, diff)
			}
		}
	}
}

func TestColumnsAreThoseThatAReportNeeds(t *testing.T) {
	t.Parallel()
	amounts := []usage.Number{
		usage.NumberGPU, usage.NumberActive, usage.NumberIdle, usage.NumberObserved, usage.NumberEstimated,
		usage.NumberMemory, usage.NumberEnergy,
	}
	times := []usage.Number{usage.NumberHeldFrom, usage.NumberHeldTo}
	texts := func(more ...usage.Text) []usage.Text {
		return append([]usage.Text{usage.TextCluster, usage.TextState}, more...)
	}
	whole, move := hour(1).Window, start.Add(90*time.Minute)
	plain := func(s report.Spec) (*rollup.Rollup, error) { return rollup.New(s, nil, nil) }
	for sentence, c := range map[string]struct {
		by     []report.Dimension
		make   func(report.Spec) (*rollup.Rollup, error)
		window window.Window
		want   usage.Columns
	}{
		"totals":      {nil, plain, whole, usage.Columns{Texts: texts(), Numbers: amounts}},
		"by node":     {[]report.Dimension{report.ByNode}, plain, whole, usage.Columns{Texts: texts(usage.TextNode), Numbers: amounts}},
		"by pod":      {[]report.Dimension{report.ByPod}, plain, whole, usage.Columns{Texts: texts(usage.TextNamespace, usage.TextPod, usage.TextPodUID), Numbers: amounts}},
		"an hour cut": {nil, plain, window.Hour(start.Add(2 * time.Hour)), usage.Columns{Texts: texts(), Numbers: slices.Concat(times, amounts)}},
		"with prices": {
			nil, func(s report.Spec) (*rollup.Rollup, error) { return rollup.New(s, nil, book(t)) }, whole,
			usage.Columns{Texts: texts(usage.TextNodePool, usage.TextModel), Numbers: slices.Concat(times, amounts)},
		},
		"with quotas by pool": {
			nil, func(s report.Spec) (*rollup.Rollup, error) { return rollup.New(s, projects(t), nil) }, whole,
			usage.Columns{Texts: texts(usage.TextNamespace, usage.TextNodePool, usage.TextModel, usage.TextNode), Numbers: slices.Concat(times, amounts)},
		},
		"by node pool, which rules name": {
			[]report.Dimension{report.ByNodePool, report.ByCluster},
			func(s report.Spec) (*rollup.Rollup, error) { return rollup.New(s, projects(t), nil) }, whole,
			usage.Columns{Texts: texts(usage.TextNodePool, usage.TextModel, usage.TextNode), Numbers: amounts},
		},
		"an hour in which a namespace moves": {
			[]report.Dimension{report.ByCluster},
			func(s report.Spec) (*rollup.Rollup, error) { return rollup.New(s, passOn(t, "speech", move), nil) }, whole,
			usage.Columns{Texts: texts(usage.TextNamespace), Numbers: slices.Concat(times, amounts)},
		},
		"an hour at whose start one moves": {
			[]report.Dimension{report.ByCluster},
			func(s report.Spec) (*rollup.Rollup, error) {
				return rollup.New(s, passOn(t, "speech", whole.From), nil)
			}, whole,
			usage.Columns{Texts: texts(), Numbers: amounts},
		},
		"an hour at whose end one moves": {
			[]report.Dimension{report.ByCluster},
			func(s report.Spec) (*rollup.Rollup, error) { return rollup.New(s, passOn(t, "speech", whole.To), nil) }, whole,
			usage.Columns{Texts: texts(), Numbers: amounts},
		},
	} {
		s := spec(c.by...)
		s.Window.To = start.Add(2*time.Hour + 30*time.Minute)
		r, err := c.make(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, r.Columns(c.window)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", sentence, diff)
		}
	}
}

func TestAddBatchesChecksNamesAndTimes(t *testing.T) {
	t.Parallel()
	long := func(n int) usage.Segment {
		return held(0, "base-1", "GPU-a", h100, strings.Repeat("x", n), "asr", 0, 60)
	}
	empty := other(0, "base-1", "GPU-a", h100, usage.Unallocated, 60, 60)
	early, late, backward := empty, empty, empty
	early.HeldFrom -= 3_600_001
	late.HeldTo++
	backward.HeldFrom, backward.HeldTo = backward.HeldTo-1, backward.HeldFrom-2
	for sentence, c := range map[string]struct {
		segment usage.Segment
		want    string // "" is no error
	}{
		"a name of the longest length":             {long(65_535), ""},
		"a name too long":                          {long(65_536), "a name of 65536 bytes"},
		"a segment of no time":                     {empty, ""},
		"a segment that begins before the hour":    {early, "not within the hour"},
		"a segment that ends after the hour":       {late, "not within the hour"},
		"a segment that ends before it begins":     {backward, "not within the hour"},
		"a segment of an unknown state":            {other(0, "base-1", "GPU-a", h100, "lent", 0, 60), "newer version"},
		"a segment of absent time":                 {other(0, "base-1", "GPU-a", h100, usage.Absent, 0, 60), ""},
		"a segment of another cluster in its hour": {func() usage.Segment { s := long(3); s.Cluster = "us-1"; return s }(), `of cluster "us-1"`},
		"a negative quantity":                      {func() usage.Segment { s := long(3); s.IdleMillis = -1; return s }(), "negative"},
	} {
		r, err := rollup.New(spec(report.ByNamespace), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = inBatches(r, hour(0, c.segment), 1)
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", sentence, err, c.want)
		}
	}
}

// What a preview reads of an open hour counts for as long as it goes.
func TestOpenHoursCountAsFarAsTheyWereRead(t *testing.T) {
	t.Parallel()
	open := hour(1, held(1, "base-1", "GPU-a", h100, "speech", "asr", 0, 30))
	open.Revision, open.Window.To = 0, open.Window.From.Add(30*time.Minute)
	s := spec()
	s.Provisional = true
	table := roll(t, s, []rollup.Hour{fleet()[0], open}, nil, nil)
	c := table.Coverage
	if c.HoursAsked != 2 || c.HoursClosed != 1 || c.HoursOpen != 1 || c.OpenMillis != 1_800_000 || len(table.Missing) != 0 {
		t.Errorf("coverage %+v, missing %v", c, table.Missing)
	}
	if got := table.Total.Coverage.String(); got != "0.750000" {
		t.Errorf("ratio %s", got)
	}
}
