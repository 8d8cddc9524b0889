package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
)

// everything are all columns that can be scanned.
func everything() usage.Columns {
	var c usage.Columns
	for text := range usage.Texts {
		c.Texts = append(c.Texts, text)
	}
	for number := range usage.Numbers {
		c.Numbers = append(c.Numbers, number)
	}
	return c
}

// scanned reads all batches of an hour, as text.
func scanned(t testing.TB, s *ledger.Scan, columns usage.Columns) []string {
	t.Helper()
	var rows []string
	var b usage.Batch
	for {
		err := s.Next(&b)
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, lines(&b, columns)...)
	}
}

func lines(b *usage.Batch, columns usage.Columns) []string {
	var rows []string
	for i := range b.Rows {
		row := ""
		for _, text := range columns.Texts {
			row += fmt.Sprintf("%q ", b.Texts[text].Of(i))
		}
		for _, number := range columns.Numbers {
			row += fmt.Sprint(b.Numbers[number][i], " ")
		}
		rows = append(rows, row)
	}
	return rows
}

func TestScanGivesWhatWasPut(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	some := usage.Columns{Texts: []usage.Text{usage.TextState, usage.TextPod}, Numbers: []usage.Number{usage.NumberEnergy, usage.NumberEstimated}}
	for sentence, c := range map[string]struct {
		hour    usage.Hour
		columns usage.Columns
	}{
		"all columns of two segments":         {smallHour(hour), everything()},
		"some columns of several row groups":  {randomHour(hour, 40_000), some},
		"all columns of several row groups":   {randomHour(hour, 20_000), everything()},
		"an hour of an empty fleet":           {randomHour(hour, 0), everything()},
		"no column, only how many there are":  {smallHour(hour), usage.Columns{}},
		"one column that has one value only":  {randomHour(hour, 100), usage.Columns{Numbers: []usage.Number{usage.NumberEstimated}}},
		"one column that has one name, twice": {randomHour(hour, 20_000), usage.Columns{Texts: []usage.Text{usage.TextContainer}}},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			store := empty()
			entry := put(t, store, c.hour)
			s, err := ledger.New(store, ledger.Config{}).Scan(context.Background(), "prod", hour, c.columns)
			if err != nil {
				t.Fatal(err)
			}
			var b usage.Batch
			b.Fill(c.hour.Segments)
			if got, want := scanned(t, s, c.columns), lines(&b, c.columns); !slices.Equal(got, want) {
				t.Errorf("%d rows differ from the %d that were put", len(got), len(want))
			}
			if s.Entry().SHA256 != entry.SHA256 || s.Entry().Revision != 1 {
				t.Errorf("entry %+v", s.Entry())
			}
			want := c.hour
			want.Segments = nil
			if diff := cmp.Diff(want, s.Hour()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanOfAnHourThatIsNotClosed(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	_, err := ledger.New(empty(), ledger.Config{}).Scan(context.Background(), "prod", hour, everything())
	if !errors.Is(err, ledger.ErrHourMissing) {
		t.Errorf("got %v", err)
	}
}

func TestScanOfADamagedObject(t *testing.T) {
	t.Parallel()
	store, hour := empty(), hourAt(t, "2026-11-20T05:00:00Z")
	key := put(t, store, randomHour(hour, 500)).Key
	whole := read(t, store, key)
	for at := 4; at < len(whole); at += 997 {
		bad := slices.Clone(whole)
		bad[at] ^= 0x10
		overwrite(t, store, key, bad)
		_, err := ledger.New(store, ledger.Config{}).Scan(context.Background(), "prod", hour, everything())
		if corrupt := (*ledger.CorruptError)(nil); !errors.As(err, &corrupt) || corrupt.Key != key {
			t.Errorf("byte %d changed: got %v", at, err)
		}
	}
}

// plainRow is an hour's row stored in other encodings than this version uses.
type plainRow struct {
	Cluster   string `parquet:"cluster,plain"`
	Node      string `parquet:"node,plain"`
	NodePool  string `parquet:"node_pool,plain"`
	UUID      string `parquet:"uuid,plain"`
	Model     string `parquet:"model,plain"`
	State     string `parquet:"state,plain"`
	Namespace string `parquet:"namespace,plain"`
	Pod       string `parquet:"pod,dict"`
	PodUID    string `parquet:"pod_uid,plain"`
	Container string `parquet:"container,plain"`

	HeldFrom int64   `parquet:"held_from,plain,timestamp(millisecond)"`
	HeldTo   int64   `parquet:"held_to,dict,timestamp(millisecond)"`
	Share    float64 `parquet:"share,plain"`

	GPUMillis         int64 `parquet:"gpu_ms,dict"`
	ActiveMillis      int64 `parquet:"active_ms,plain"`
	IdleMillis        int64 `parquet:"idle_ms,dict"`
	ObservedMillis    int64 `parquet:"observed_ms,plain"`
	EstimatedMillis   int64 `parquet:"estimated_ms,plain"`
	MemoryByteSeconds int64 `parquet:"memory_byte_seconds,plain"`
	EnergyMillijoules int64 `parquet:"energy_mj,dict"`
}

// plain stores an object's rows in other encodings, under its own footer.
func plain(t *testing.T, object []byte, h usage.Hour) []byte {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[plainRow](&out, parquet.PageBufferSize(2000))
	for _, pair := range file.Metadata().KeyValueMetadata {
		value := pair.Value
		if pair.Key == "gputally.sha256" {
			value = strings.Repeat("0", len(value))
		}
		w.SetKeyValueMetadata(pair.Key, value)
	}
	for _, s := range h.Segments {
		row := plainRow{
			s.Cluster, s.Node, s.NodePool, s.UUID, s.Model, string(s.State), s.Namespace, s.Pod, s.PodUID, s.Container,
			s.HeldFrom, s.HeldTo, s.Share, s.GPUMillis, s.ActiveMillis, s.IdleMillis, s.ObservedMillis, s.EstimatedMillis,
			s.MemoryByteSeconds, s.EnergyMillijoules,
		}
		if _, err := w.Write([]plainRow{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return reseal(t, out.Bytes())
}

func TestScanReadsOtherEncodings(t *testing.T) {
	t.Parallel()
	store, hour := empty(), hourAt(t, "2026-11-20T05:00:00Z")
	h := randomHour(hour, 3000)
	key := put(t, store, h).Key
	overwrite(t, store, key, plain(t, read(t, store, key), h))
	s, err := ledger.New(store, ledger.Config{}).Scan(context.Background(), "prod", hour, everything())
	if err != nil {
		t.Fatal(err)
	}
	var b usage.Batch
	b.Fill(h.Segments)
	if got, want := scanned(t, s, everything()), lines(&b, everything()); !slices.Equal(got, want) {
		t.Errorf("%d rows differ from the %d that were put", len(got), len(want))
	}
}

func BenchmarkScan(b *testing.B) {
	h := benchHour()
	store := empty()
	put(b, store, h)
	l := ledger.New(store, ledger.Config{})
	for name, columns := range map[string]usage.Columns{
		"what a report by namespace needs": {
			Texts: []usage.Text{usage.TextCluster, usage.TextState, usage.TextNamespace},
			Numbers: []usage.Number{
				usage.NumberGPU, usage.NumberActive, usage.NumberIdle, usage.NumberObserved, usage.NumberEstimated, usage.NumberMemory, usage.NumberEnergy,
			},
		},
		"everything": everything(),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var batch usage.Batch
			for b.Loop() {
				s, err := l.Scan(context.Background(), "prod", h.Window, columns)
				for err == nil {
					err = s.Next(&batch)
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
			report(b, len(h.Segments), 0)
		})
	}
}
