package instrument_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/buckettest"
	"github.com/gputally/gputally/reporter/bucket/instrument"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/metric"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		b, err := instrument.New(mem.New(time.Now), prometheus.NewRegistry(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func TestOperationsAreCountedByResultAndTimed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	now := time.Unix(0, 0)
	clock := func() time.Time { now = now.Add(time.Second); return now } // one second at each look
	b, err := instrument.New(mem.New(time.Now), registry, clock)
	if err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(registry, "gputally_bucket_operations_total"); n != 5*6 {
		t.Errorf("%d series before the first operation", n)
	}
	ctx := t.Context()
	for range 2 {
		_, _ = bucket.PutBytes(ctx, b, "k", nil, bucket.Condition{Absent: true}) // the second is a conflict
	}
	_, _, _ = b.Get(ctx, "k")
	_, _, _ = b.Get(ctx, "missing")
	_, _ = b.Stat(ctx, "k")
	_, _ = b.Stat(ctx, "missing")
	_ = b.Delete(ctx, "/", bucket.Condition{})
	for range b.List(ctx, "") {
		now = now.Add(time.Hour) // the caller's own time
	}
	want := `
# HELP gputally_bucket_operations_total Operations on the bucket by their result; denied and error are failures.
# TYPE gputally_bucket_operations_total counter
`
	for _, op := range []string{"delete", "get", "list", "put", "stat"} {
		for _, result := range []string{"cancelled", "conflict", "denied", "error", "not_found", "ok"} {
			n := "0"
			switch op + " " + result {
			case "put ok", "put conflict", "get ok", "get not_found", "stat ok", "stat not_found", "delete error", "list ok":
				n = "1"
			}
			want += `gputally_bucket_operations_total{operation="` + op + `",result="` + result + `"} ` + n + "\n"
		}
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "gputally_bucket_operations_total"); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "gputally_bucket_operation_duration_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			if op, sum := m.GetLabel()[0].GetValue(), m.GetHistogram().GetSampleSum(); op == "list" && sum != 2 {
				t.Errorf("list took %v s, want 2 without the caller's hour", sum)
			}
		}
	}
	if _, err := instrument.New(b, registry, clock); err != nil {
		t.Errorf("a process that reads its configuration again: %v", err)
	}
}

func TestAnotherMetricOfTheSameNameIsRefused(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: metric.BucketOperations.Name, Help: "Something else."}))
	if _, err := instrument.New(mem.New(time.Now), registry, time.Now); err == nil {
		t.Error("no error")
	}
}
