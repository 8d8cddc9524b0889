package sourcetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// Run tests a profile.
func Run(t *testing.T, p Profile) {
	for sentence, test := range map[string]func(*testing.T, Profile){
		"parts are sorted and have no GPU in common":   partsAreSorted,
		"segments lie in the window":                   segmentsLieInTheWindow,
		"the states of a GPU make the window":          statesMakeTheWindow,
		"holders get their time":                       holdersGetTheirTime,
		"the order of series changes nothing":          orderChangesNothing,
		"Hour is Close":                                hourIsClose,
		"hours add up to their window":                 hoursAddUp,
		"stored edges are taken over":                  storedEdgesAreTakenOver,
		"a cluster without exporters has no data":      noExporters,
		"a window after the last sample has no data":   afterTheLastSample,
		"an error of emit ends the closing":            emitFails,
		"a context that is cancelled ends the closing": cancelled,
		"many goroutines close at once":                manyAtOnce,
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// closing is all that one closing gave.
type closing struct {
	Hour             usage.Hour // with its segments
	Opening, Closing []usage.Edge
}

func closed(t *testing.T, s source.Source, w window.Window, n usage.Neighbours) closing {
	t.Helper()
	var all closing
	var segments []usage.Segment
	h, err := s.Close(t.Context(), w, n, func(p usage.Part) error {
		segments = append(segments, p.Segments...)
		all.Opening = append(all.Opening, p.Opening...)
		all.Closing = append(all.Closing, p.Closing...)
		return nil
	})
	if err != nil {
		t.Fatalf("close %s: %v", w, err)
	}
	h.Segments = segments
	all.Hour = h
	return all
}

// next is what the hour after a closing is given.
func (c closing) next() usage.Neighbours {
	n := usage.Neighbours{Before: usage.NewEdgeTable(), Since: c.Hour.Window.From}
	for _, e := range c.Closing {
		n.Before.Add(e)
	}
	return n
}

func partsAreSorted(t *testing.T, p Profile) {
	last := ""
	_, err := p.New(t, busy(), 1).Close(t.Context(), hours(1), usage.Neighbours{}, func(part usage.Part) error {
		if !slices.IsSortedFunc(part.Segments, usage.Compare) || !slices.IsSortedFunc(part.Opening, usage.CompareEdges) ||
			!slices.IsSortedFunc(part.Closing, usage.CompareEdges) {
			t.Errorf("a part is not sorted: %+v", part)
		}
		var uuids []string
		for _, s := range part.Segments {
			uuids = append(uuids, s.UUID)
		}
		for _, e := range slices.Concat(part.Opening, part.Closing) {
			uuids = append(uuids, e.UUID)
		}
		if len(uuids) == 0 {
			t.Error("a part is empty")
			return nil
		}
		if first := slices.Min(uuids); first <= last {
			t.Errorf("a part begins with %s after one that ends with %s", first, last)
		}
		last = slices.Max(uuids)
		return nil
	})
	if err != nil || last == "" {
		t.Errorf("the last GPU is %q, %v", last, err)
	}
}

func segmentsLieInTheWindow(t *testing.T, p Profile) {
	w := hours(1)
	got := closed(t, p.New(t, busy(), 1), w, usage.Neighbours{})
	for i := range got.Hour.Segments {
		s := &got.Hour.Segments[i]
		if err := s.Check(Cluster, w); err != nil || !s.State.Known() {
			t.Errorf("segment %+v: %v", s, err)
		}
	}
	if h := got.Hour; h.Cluster != Cluster || h.Window != w || h.Source != p.Name || h.Road == "" {
		t.Errorf("the hour says %s, %s, %s, %q", h.Cluster, h.Window, h.Source, h.Road)
	}
}

func statesMakeTheWindow(t *testing.T, p Profile) {
	w, scenario := hours(1), busy()
	got := closed(t, p.New(t, scenario, 1), w, usage.Neighbours{})
	var sum usage.Coverage
	millis := map[string]int64{}
	for i := range got.Hour.Segments {
		s := &got.Hour.Segments[i]
		sum.Add(s.Coverage())
		millis[s.UUID] += s.GPUMillis
	}
	for _, uuid := range scenario.UUIDs {
		if !usage.Agree(millis[uuid], w.Duration().Milliseconds()) {
			t.Errorf("GPU %s has %d ms", uuid, millis[uuid])
		}
	}
	c := got.Hour.Coverage
	sum.Expected, sum.Residue, sum.Late = c.Expected, c.Expected-c.Sum(), c.Late // no segment says them
	if diff := cmp.Diff(sum, c); diff != "" {
		t.Errorf("coverage (-sum of the segments +hour)\n%s", diff)
	}
	if want := int64(len(scenario.UUIDs)) * w.Duration().Milliseconds(); c.Expected != want {
		t.Errorf("%d ms are expected, want %d", c.Expected, want)
	}
	if len(got.Hour.Findings) > 0 {
		t.Errorf("found %v", got.Hour.Findings)
	}
}

// held is the GPU time of each pod.
func (c closing) held() map[string]int64 {
	sums := map[string]int64{}
	for _, s := range c.Hour.Segments {
		if s.State == usage.Allocated {
			sums[s.Pod] += s.GPUMillis
		}
	}
	return sums
}

func holdersGetTheirTime(t *testing.T, p Profile) {
	w, scenario := hours(1), busy()
	got := closed(t, p.New(t, scenario, 1), w, usage.Neighbours{}).held()
	for _, h := range scenario.Holdings {
		want := scenario.held(h.Pod, w).Milliseconds()
		if off := got[h.Pod] - want; off > p.Tolerance.Milliseconds() || off < -p.Tolerance.Milliseconds() {
			t.Errorf("pod %s got %d ms, want %d", h.Pod, got[h.Pod], want)
		}
	}
}

func orderChangesNothing(t *testing.T, p Profile) {
	want := closed(t, p.New(t, busy(), 1), hours(1), usage.Neighbours{})
	for seed := range uint64(5) {
		if diff := cmp.Diff(want, closed(t, p.New(t, busy(), 2+seed), hours(1), usage.Neighbours{})); diff != "" {
			t.Fatalf("in another order (-one +other)\n%s", diff)
		}
	}
}

func hourIsClose(t *testing.T, p Profile) {
	s := p.New(t, busy(), 1)
	h, err := s.Hour(t.Context(), hours(1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(closed(t, s, hours(1), usage.Neighbours{}).Hour, h); diff != "" {
		t.Errorf("(-Close +Hour)\n%s", diff)
	}
}

func hoursAddUp(t *testing.T, p Profile) {
	s := p.New(t, busy(), 1)
	want := closed(t, s, hours(3), usage.Neighbours{}).held()
	got, n := map[string]int64{}, usage.Neighbours{}
	for hour := range hours(3).Hours() {
		c := closed(t, s, hour, n)
		for pod, millis := range c.held() {
			got[pod] += millis
		}
		n = c.next()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GPU time by pod (-of three hours in one +of each)\n%s", diff)
	}
}

func storedEdgesAreTakenOver(t *testing.T, p Profile) {
	s := p.New(t, busy(), 1)
	first := closed(t, s, hours(1), usage.Neighbours{})
	if len(first.Closing) == 0 {
		t.Fatal("an hour stores no edges")
	}
	second := closed(t, s, window.Hour(hours(1).To), first.next())
	stored := usage.NewEdgeTable()
	for _, e := range first.Closing {
		stored.Add(e)
	}
	for _, e := range second.Opening {
		if total, ok := stored.Find(e.UUID, e.Pod, e.Container, e.Start); !ok || total != e.Total {
			t.Errorf("the hour opens with %+v; stored is %v, %t", e, total, ok)
		}
	}
}

func noExporters(t *testing.T, p Profile) {
	_, err := p.New(t, Scenario{}, 1).Hour(t.Context(), hours(1))
	if !errors.Is(err, source.ErrNoData) {
		t.Errorf("got %v, want ErrNoData", err)
	}
}

func afterTheLastSample(t *testing.T, p Profile) {
	_, err := p.New(t, busy(), 1).Hour(t.Context(), window.Hour(t0().AddDate(0, 0, 7)))
	if !errors.Is(err, source.ErrNoData) {
		t.Errorf("got %v, want ErrNoData", err)
	}
}

func emitFails(t *testing.T, p Profile) {
	full := errors.New("the disk is full")
	calls := 0
	_, err := p.New(t, busy(), 1).Close(t.Context(), hours(1), usage.Neighbours{}, func(usage.Part) error {
		calls++
		return full
	})
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("got %v after %d calls of emit", err, calls)
	}
}

func cancelled(t *testing.T, p Profile) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.New(t, busy(), 1).Hour(ctx, hours(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func manyAtOnce(t *testing.T, p Profile) {
	s := p.New(t, busy(), 1)
	want := closed(t, s, hours(1), usage.Neighbours{}).Hour
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			got, err := s.Hour(t.Context(), hours(1))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v, (-alone +with others)\n%s", err, diff)
			}
		})
	}
	group.Wait()
}
