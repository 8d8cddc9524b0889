package reporting_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/quota"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/source"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a typing error in a test
	}
	return t
}

// now is in the open hour after the closed day.
var now = instant("2026-11-20T00:30:00Z")

// day is the closed one.
func day() window.Window {
	return window.Window{From: instant("2026-11-19T00:00:00Z"), To: instant("2026-11-20T00:00:00Z")}
}

// held is an hour, or a part of one, in which one pod holds one GPU.
func held(cluster string, w window.Window) usage.Hour {
	millis := w.Duration().Milliseconds()
	h := usage.Hour{Cluster: cluster, Window: w, Source: "gputally", Road: "json", Findings: []usage.Finding{}}
	h.Coverage.Expected, h.Coverage.Allocated = millis, millis
	h.Segments = []usage.Segment{{
		Cluster: cluster, Node: "node-1", UUID: "GPU-" + cluster, Model: "NVIDIA H200", State: usage.Allocated,
		Namespace: "vision", Pod: "train-0", PodUID: "uid-0", Container: "main",
		HeldFrom: w.From.UnixMilli(), HeldTo: w.To.UnixMilli(), Share: 1, GPUMillis: millis,
	}}
	return h
}

// open is a source whose GPU is held all the time.
type open struct{ cluster string }

func (o open) Hour(_ context.Context, w window.Window) (usage.Hour, error) {
	return held(o.cluster, w), nil
}

// silent is a source without samples.
type silent struct{}

func (silent) Hour(_ context.Context, w window.Window) (usage.Hour, error) {
	return usage.Hour{}, fmt.Errorf("read %s: %w", w, source.ErrNoData)
}

// counting counts what is opened in the ledger, by key.
type counting struct {
	bucket.Bucket
	mu   sync.Mutex
	gets map[string]int
}

func (c *counting) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	c.mu.Lock()
	if strings.HasPrefix(key, "ledger/") {
		c.gets[key]++
	}
	c.mu.Unlock()
	return c.Bucket.Get(ctx, key)
}

// stage is a bucket in which two clusters have closed the hours of a day.
type stage struct {
	bucket *counting
	ledger *ledger.Ledger
	index  *index.Index
}

func newStage(t *testing.T) *stage {
	t.Helper()
	clock := func() time.Time { return now }
	s := &stage{bucket: &counting{Bucket: mem.New(clock), gets: map[string]int{}}}
	s.ledger, s.index = ledger.New(s.bucket, ledger.Config{}), index.New(s.bucket, index.Config{Clock: clock})
	for _, cluster := range []string{"eu-1", "eu-2"} {
		for hour := range day().Hours() {
			entry, err := s.ledger.Put(t.Context(), held(cluster, hour))
			if err == nil {
				err = s.index.PutHour(t.Context(), index.Hour(entry))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	clear(s.bucket.gets)
	return s
}

func (s *stage) maker(t *testing.T, sources map[string]reporting.Source) *reporting.Maker {
	t.Helper()
	projects, err := quota.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return reporting.New(reporting.Config{
		Sources: sources, Ledger: s.ledger, Index: s.index, Projects: projects, Now: func() time.Time { return now },
	})
}

func text(t *testing.T, table report.Table) string {
	t.Helper()
	var b bytes.Buffer
	if err := table.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func ignore(window.Window) {}

func spec(w window.Window, clusters ...string) report.Spec {
	return report.Spec{Window: w, GroupBy: []report.Dimension{report.ByCluster}, Clusters: clusters}
}

// An API makes reports for many at once.
func TestManyGoroutinesMakeTheSameReport(t *testing.T) {
	t.Parallel()
	m := newStage(t).maker(t, map[string]reporting.Source{"eu-1": silent{}, "eu-2": silent{}})
	tables := make([]report.Table, 8)
	var workers sync.WaitGroup
	for i := range tables {
		workers.Go(func() {
			var err error
			if tables[i], err = m.Make(t.Context(), spec(day()), ignore); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	for _, table := range tables[1:] {
		if got, want := text(t, table), text(t, tables[0]); got != want || !strings.Contains(got, "eu-2") {
			t.Fatalf("one is\n%s\nand another\n%s", want, got)
		}
	}
}

func TestEachClosedHourIsOpenedOnceAndNoOther(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.maker(t, map[string]reporting.Source{"eu-1": silent{}, "eu-2": silent{}, "eu-3": silent{}})
	month := window.PeriodMonth.Containing(now, time.UTC)
	table, err := m.Make(t.Context(), spec(month), ignore)
	if err != nil || table.Coverage.HoursClosed != 48 || table.Coverage.HoursAsked != 3*30*24 {
		t.Fatalf("%+v, %v", table.Coverage, err)
	}
	hours := 0
	for key, n := range s.bucket.gets {
		if strings.HasPrefix(key, "ledger/hourly/") {
			hours++
		}
		if n > 1 {
			t.Errorf("%s was opened %d times", key, n)
		}
	}
	if hours != 48 || len(s.bucket.gets) > 48+2 { // and no more than the day's table of each cluster
		t.Errorf("%d hours were opened, and %d objects", hours, len(s.bucket.gets))
	}
}

// The index is derived; what it lost is found in the ledger.
func TestAnIndexThatLacksHoursMakesTheSameReport(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *stage) error{
		"an hour": func(t *testing.T, s *stage) error {
			return s.index.ForgetHours(t.Context(), "eu-1", []window.Window{window.Hour(instant("2026-11-19T07:00:00Z"))})
		},
		"a cluster": func(t *testing.T, s *stage) error {
			return s.bucket.Delete(t.Context(), "index/hours/cluster=eu-1/2026-11.json", bucket.Condition{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			m := s.maker(t, map[string]reporting.Source{"eu-1": silent{}, "eu-2": silent{}})
			whole, err := m.Make(t.Context(), spec(day()), ignore)
			if err == nil {
				err = lose(t, s)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Make(t.Context(), spec(day()), ignore)
			if err != nil || text(t, got) != text(t, whole) {
				t.Errorf("it is\n%s%v", text(t, got), err)
			}
		})
	}
}

func TestAPreviewReadsTheOpenHour(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	withOpen := day()
	withOpen.To = instant("2026-11-20T02:00:00Z")
	for name, tt := range map[string]struct {
		window      window.Window
		source      reporting.Source
		allocated   time.Duration
		provisional bool
	}{
		"as far as it goes":                   {withOpen, open{"eu-1"}, 24*time.Hour + 30*time.Minute, true},
		"nothing if there is no sample":       {withOpen, silent{}, 24 * time.Hour, true},
		"nothing if all hours are closed":     {day(), open{"eu-1"}, 24 * time.Hour, false},
		"nothing of a cluster of the past":    {withOpen, nil, 24 * time.Hour, false},
		"nothing of a window that is to come": {window.Hour(instant("2026-11-20T05:00:00Z")), open{"eu-1"}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sources := map[string]reporting.Source{}
			if tt.source != nil {
				sources["eu-1"] = tt.source
			}
			table, err := s.maker(t, sources).Preview(t.Context(), spec(tt.window, "eu-1"), ignore)
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Duration(table.Coverage.Allocated) * time.Millisecond; got != tt.allocated || table.Spec.Provisional != tt.provisional {
				t.Errorf("%s are held, provisional %v", got, table.Spec.Provisional)
			}
		})
	}
}

func TestASpecThatCannotBe(t *testing.T) {
	t.Parallel()
	m := newStage(t).maker(t, nil)
	wrong := (*reporting.SpecError)(nil)
	if _, err := m.Make(t.Context(), spec(window.Window{From: now, To: now}, "eu-1"), ignore); !errors.As(err, &wrong) {
		t.Errorf("it says %v", err)
	}
}

func TestAMonthReadsEachHourOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	month := s.maker(t, map[string]reporting.Source{"eu-1": silent{}}).Month()
	noon := instant("2026-11-19T12:00:00Z")
	for i, want := range []float64{13, 14, 24} {
		hour := window.Hour(noon.Add([]time.Duration{0, time.Hour, 11 * time.Hour}[i]))
		f, err := month.Figures(t.Context(), map[string]time.Time{"eu-1": day().From}, hour)
		if err != nil || len(f.Projects) != 1 || f.Projects[0].MonthHours != want || f.Projects[0].Allocated != 1 {
			t.Fatalf("up to %s: %+v, %v; want %v GPU-hours", hour, f, err, want)
		}
	}
	if n := s.bucket.gets[ledger.Key("eu-1", window.Hour(instant("2026-11-19T03:00:00Z")))]; n != 1 {
		t.Errorf("an hour was read %d times", n)
	}
	f, err := month.Figures(t.Context(), map[string]time.Time{"eu-1": day().From}, window.Hour(noon))
	if err != nil || f.Projects[0].MonthHours != 13 {
		t.Errorf("up to an earlier hour: %+v, %v", f, err)
	}
}
