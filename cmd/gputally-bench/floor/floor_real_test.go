//go:build real

package floor_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
	"github.com/gputally/gputally/cmd/gputally-bench/floor"
	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/reporter/prom"
)

var begins = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)

// serve starts a Prometheus with the history of a small fleet.
func serve(t *testing.T) string {
	t.Helper()
	f, err := fleet.New(fleet.Config{GPUs: 400, From: begins, To: begins.Add(150 * time.Minute), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := f.Write(t.Context(), promserver.DataDir(dir), nil); err != nil {
		t.Fatal(err)
	}
	server, err := promserver.Start(t.Context(), promserver.Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatalf("%v (run \"make tools\")", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// read sums the same by the roads of package prom.
func read(t *testing.T, q floor.Query) (sum floor.Sum) {
	t.Helper()
	c, err := prom.New(prom.Config{URL: q.URL})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Read(t.Context(), series.Query{
		From: q.From, To: q.To,
		Matchers: []series.Matcher{{Name: "__name__", Op: series.Match, Value: q.Names}, {Name: "job", Value: q.Job}},
	}, func(s series.Series) error {
		sum.Series++
		sum.Samples += len(s.Samples)
		sum.Stale += len(s.Stale)
		for _, p := range s.Samples {
			sum.Total += p.V
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestFloorsReadWhatTheRoadsRead(t *testing.T) {
	t.Parallel()
	q := floor.Query{
		URL: serve(t), Names: "gputally_container_gpu_(allocated|active)_seconds_total|gputally_device_seconds_total", Job: "gputally-collector",
		From: begins.Add(50*time.Minute + time.Millisecond/2), To: begins.Add(125 * time.Minute),
	}
	want := read(t, q)
	if want.Series == 0 || want.Samples == 0 || want.Stale == 0 {
		t.Fatalf("the roads read %+v", want)
	}
	for name, read := range map[string]func(context.Context, floor.Query) (floor.Sum, error){
		"remote read": floor.RemoteRead, "JSON": floor.JSON,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if name == "JSON" { // which has no markers, nor series of nothing else
				got.Stale = want.Stale
			}
			if got.Series < want.Series*9/10 || got.Series > want.Series || got.Samples != want.Samples || got.Stale != want.Stale ||
				math.Abs(got.Total-want.Total) > 1e-9*want.Total {
				t.Errorf("%+v was read, want %+v", got, want)
			}
		})
	}
	t.Run("a server that refuses", func(t *testing.T) {
		t.Parallel()
		broken := q
		broken.Names = "("
		if _, err := floor.RemoteRead(t.Context(), broken); err == nil {
			t.Error("remote read takes it for an answer")
		}
		if _, err := floor.JSON(t.Context(), broken); err == nil {
			t.Error("JSON takes it for an answer")
		}
	})
}
