package ledger_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
)

// laterRow is a row of a later version: it has a column more, between those of today.
type laterRow struct {
	Cluster  string `parquet:"cluster,dict"`
	Node     string `parquet:"node,dict"`
	NodePool string `parquet:"node_pool,dict"`
	UUID     string `parquet:"uuid,dict"`
	Model    string `parquet:"model,dict"`

	State     usage.State `parquet:"state,dict"`
	Namespace string      `parquet:"namespace,dict"`
	Workload  string      `parquet:"workload,dict"`
	Pod       string      `parquet:"pod,dict"`
	PodUID    string      `parquet:"pod_uid,dict"`
	Container string      `parquet:"container,dict"`

	HeldFrom int64   `parquet:"held_from,delta,timestamp(millisecond)"`
	HeldTo   int64   `parquet:"held_to,delta,timestamp(millisecond)"`
	Share    float64 `parquet:"share,dict"`

	GPUMillis         int64 `parquet:"gpu_ms,delta"`
	ActiveMillis      int64 `parquet:"active_ms,delta"`
	IdleMillis        int64 `parquet:"idle_ms,delta"`
	ObservedMillis    int64 `parquet:"observed_ms,delta"`
	EstimatedMillis   int64 `parquet:"estimated_ms,delta"`
	MemoryByteSeconds int64 `parquet:"memory_byte_seconds,delta"`
	EnergyMillijoules int64 `parquet:"energy_mj,delta"`
}

// byLater writes an object again as a later version would: with a column or a pair
// of the footer more.
func byLater(t *testing.T, b bucket.Bucket, key string, column bool, pairs map[string]string) {
	t.Helper()
	data := read(t, b, key)
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kv := range f.Metadata().KeyValueMetadata {
		all[kv.Key] = kv.Value
	}
	for k, v := range pairs {
		all[k] = v
	}
	all["gputally.sha256"] = strings.Repeat("0", 64)
	var out bytes.Buffer
	w := parquet.NewGenericWriter[laterRow](&out, options(all)...)
	plain := parquet.NewWriter(&out, append(options(all), f.Schema())...)
	for _, group := range f.RowGroups() {
		if column {
			rows := make([]laterRow, group.NumRows())
			if _, err := parquet.NewGenericRowGroupReader[laterRow](group).Read(rows); err != nil && int64(len(rows)) != group.NumRows() {
				t.Fatal(err)
			}
			for i := range rows {
				rows[i].Workload = "training"
			}
			if _, err := w.Write(rows); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		} else if _, err := plain.WriteRowGroup(group); err != nil {
			t.Fatal(err)
		}
	}
	if column {
		err = w.Close()
	} else {
		err = plain.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, b, key, forge(out.Bytes()))
}

func options(pairs map[string]string) []parquet.WriterOption {
	var all []parquet.WriterOption
	for k, v := range pairs {
		all = append(all, parquet.KeyValueMetadata(k, v))
	}
	return all
}

// What a later version adds to an hour does not keep this one from reading it, nor
// from closing the hours next to it.
func TestAnHourOfALaterVersionIsRead(t *testing.T) {
	t.Parallel()
	five, six := hourAt(t, "2026-11-20T05:00:00Z"), hourAt(t, "2026-11-20T06:00:00Z")
	b := empty()
	closeWith(t, b, five, edgesAt(10), edgesAt(20))
	want, _, err := ledger.New(b, ledger.Config{}).Hour(t.Context(), "prod", five)
	if err != nil {
		t.Fatal(err)
	}
	before := findings(t, b, ledger.Verification{Window: five})
	byLater(t, b, hourKey, true, map[string]string{"gputally.requested_ms": "5"})
	l := ledger.New(b, ledger.Config{Version: "1.2.3"})
	got, entry, err := l.Hour(t.Context(), "prod", five)
	if diff := cmp.Diff(want, got); err != nil || diff != "" || entry.Revision != 1 {
		t.Errorf("%+v, %v (-before +now)\n%s", entry, err, diff)
	}
	n, err := l.Session().Neighbours(t.Context(), "prod", six)
	if err != nil || total(n.Before) != 20 || len(n.Devices) != 1 {
		t.Errorf("the next hour begins with %d and %d GPUs, %v", total(n.Before), len(n.Devices), err)
	}
	whole := read(t, b, hourKey)
	closeWith(t, b, five, edgesAt(10), edgesAt(20))
	if !bytes.Equal(whole, read(t, b, hourKey)) {
		t.Error("an hour that says the same was written again, without what the later version wrote")
	}
	if diff := cmp.Diff(before, findings(t, b, ledger.Verification{Window: five})); diff != "" {
		t.Errorf("findings (-before +now)\n%s", diff)
	}
}

// The daily table is a copy: what this version can't copy stays where it is.
func TestADayOfALaterVersionsHours(t *testing.T) {
	t.Parallel()
	t.Run("with footers that say more", func(t *testing.T) {
		t.Parallel()
		b := empty()
		closeDay(t, b)
		byLater(t, b, hourKey, false, map[string]string{"gputally.requested_ms": "5"})
		compact(t, b)
		remove(t, b, keys(t, b, "ledger/hourly/")...)
		day := read(t, b, dayKey)
		if !bytes.Contains(day, []byte(`"gputally.requested_ms":"5"`)) {
			t.Error("the day has lost a pair")
		}
		// A restated hour makes the day again; the other hours are taken from the day.
		h := smallHour(hourAt(t, "2026-11-20T07:00:00Z"))
		h.Coverage.Residue++
		put(t, b, h)
		compact(t, b)
		if day := read(t, b, dayKey); !bytes.Contains(day, []byte(`"gputally.requested_ms":"5"`)) {
			t.Error("the day that was made again has lost a pair")
		}
	})
	t.Run("with a day that says more of its hours", func(t *testing.T) {
		t.Parallel()
		b := empty()
		closeDay(t, b)
		compact(t, b)
		data := read(t, b, dayKey)
		f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		hours, _ := f.Lookup("gputally.hours")
		byLater(t, b, dayKey, false, map[string]string{"gputally.hours": strings.ReplaceAll(hours, `"rows":`, `"places":[1, 2],"rows":`)})
		compact(t, b) // the hours of the day are as they were
		h := smallHour(hourAt(t, "2026-11-20T07:00:00Z"))
		h.Coverage.Residue++
		remove(t, b, keys(t, b, "ledger/hourly/")...)
		put(t, b, h)
		compact(t, b)
		if n := bytes.Count(read(t, b, dayKey), []byte(`"places":[1,2]`)); n != 23 {
			t.Errorf("%d hours have kept what the later version says of them", n)
		}
	})
	t.Run("with a column more", func(t *testing.T) {
		t.Parallel()
		b := empty()
		closeDay(t, b)
		byLater(t, b, hourKey, true, nil)
		before := keys(t, b, "")
		_, err := ledger.New(b, ledger.Config{}).Compact(t.Context(), "prod", theDay(t), ledger.Compaction{})
		if later := (*ledger.SchemaError)(nil); !errors.As(err, &later) || !cmp.Equal(later.Columns, []string{"workload"}) || !strings.Contains(err.Error(), "workload") {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, keys(t, b, "")); diff != "" {
			t.Errorf("objects (-before +now)\n%s", diff)
		}
	})
	t.Run("in a day with a column more", func(t *testing.T) {
		t.Parallel()
		b := empty()
		closeDay(t, b)
		compact(t, b)
		byLater(t, b, dayKey, true, nil)
		remove(t, b, keys(t, b, "ledger/hourly/")...)
		h := smallHour(hourAt(t, "2026-11-20T07:00:00Z"))
		l := ledger.New(b, ledger.Config{Version: "1.2.3"})
		got, _, err := l.Hour(t.Context(), "prod", h.Window)
		if err != nil || len(got.Segments) != len(h.Segments) {
			t.Errorf("read %d rows, %v", len(got.Segments), err)
		}
		h.Coverage.Residue++
		for what, err := range map[string]error{
			"restate": func() error { _, err := l.Put(t.Context(), h); return err }(), // copies the hour into the history
			"compact": func() error {
				_, err := l.Compact(t.Context(), "prod", theDay(t), ledger.Compaction{GiveUp: true})
				return err
			}(),
		} {
			if err == nil && what == "restate" || err != nil && !errors.As(err, new(*ledger.SchemaError)) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
