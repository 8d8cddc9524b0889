//go:build real

package ledger_test

import (
	"encoding/csv"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket/dir"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// query runs SQL in DuckDB, which shares no code with the ledger.
func query(t *testing.T, sql string) [][]string {
	t.Helper()
	binary, err := filepath.Abs("../../.tools/bin/duckdb")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-threads", "1", "-c", sql).Output()
	if err != nil {
		var stderr string
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // straight from Output
			stderr = string(exit.Stderr)
		}
		t.Fatalf("%s (run make tools): %v: %s", binary, err, stderr)
	}
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// perHour reads a table with a plain glob: for each hour, GPUs and their time.
func perHour(t *testing.T, folder, glob string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, row := range query(t, fmt.Sprintf(`
		SELECT strftime(date_trunc('hour', held_from), '%%dT%%H'), cluster, count(DISTINCT uuid), sum(gpu_ms)::BIGINT, sum(energy_mj)::BIGINT, max(namespace)
		FROM read_parquet('%s') GROUP BY 1, 2 ORDER BY 1, 2`, filepath.Join(folder, "ledger", glob))) {
		got[row[0]] = strings.Join(row[1:], " ")
	}
	return got
}

// Whoever reads a live table with another engine and a plain glob gets each
// GPU-second once, whatever was restated, compacted and pruned.
func TestAnotherEngineReadsEachGPUSecondOnce(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), t.TempDir()
	b, err := dir.New(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(b, ledger.Config{})
	two := window.Window{From: at(t, "2026-11-20T00:00:00Z"), To: at(t, "2026-11-22T00:00:00Z")}
	stands := map[string]string{} // as the books stand, by hour
	closeFleet := func(hour window.Window, team string) {
		t.Helper()
		h := fleetHour(hour, team)
		d, err := l.Draft("prod", hour)
		if err != nil {
			t.Fatal(err)
		}
		edge := func(at time.Time) []usage.Edge { return edgesAt(at.Unix()) }
		if err := d.Add(usage.Part{Segments: h.Segments, Opening: edge(hour.From), Closing: edge(hour.To)}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Commit(ctx, d, h); err != nil {
			t.Fatal(err)
		}
		var ms, energy int64
		for _, s := range h.Segments {
			ms, energy = ms+s.GPUMillis, energy+s.EnergyMillijoules
		}
		stands[hour.From.Format("02T15")] = fmt.Sprintf("prod %d %d %d %s", fleetGPUs, ms, energy, team)
	}
	for hour := range two.Hours() {
		closeFleet(hour, "first")
	}
	for _, text := range []string{"2026-11-20T05:00:00Z", "2026-11-20T06:00:00Z", "2026-11-21T07:00:00Z"} {
		closeFleet(hourAt(t, text), "restated")
	}
	for day := range window.PeriodDay.Within(two, time.UTC) {
		if _, err := l.Compact(ctx, "prod", day, ledger.Compaction{}); err != nil {
			t.Fatal(err)
		}
	}
	// Restated once more after the days were made, one of them made again.
	closeFleet(hourAt(t, "2026-11-20T09:00:00Z"), "again")
	if due, err := l.Due(ctx, "prod", two); err != nil || len(due) == 0 {
		t.Fatalf("due are %v, %v", due, err)
	}
	if _, err := l.Compact(ctx, "prod", theDay(t), ledger.Compaction{}); err != nil {
		t.Fatal(err)
	}
	hourly := perHour(t, folder, "hourly/*/*/*/*.parquet")
	if diff := cmp.Diff(stands, hourly); diff != "" {
		t.Errorf("hourly table (-books +DuckDB):\n%s", diff)
	}

	pruned, err := l.Prune(ctx, "prod", ledger.Pruning{
		Retention: ledger.Retention{Hourly: time.Hour, History: time.Hour}, Now: at(t, "2026-11-21T01:00:00Z"),
	})
	if err != nil || pruned.Hourly.Objects != 24 {
		t.Fatalf("pruned %+v, %v", pruned, err)
	}
	if diff := cmp.Diff(stands, perHour(t, folder, "daily/*/*/*.parquet")); diff != "" {
		t.Errorf("daily table (-books +DuckDB):\n%s", diff)
	}
	for hour := range theDay(t).Hours() {
		delete(stands, hour.From.Format("02T15"))
	}
	if diff := cmp.Diff(stands, perHour(t, folder, "hourly/*/*/*/*.parquet")); diff != "" {
		t.Errorf("hourly table after the prune (-books +DuckDB):\n%s", diff)
	}
	// Partitions and columns say the same.
	got := query(t, fmt.Sprintf(`SELECT count(*), count(DISTINCT cluster), min(date)::VARCHAR, max(hour)::VARCHAR
		FROM read_parquet('%s', hive_partitioning = true)`, filepath.Join(folder, "ledger", "hourly/*/*/*/*.parquet")))
	if want := [][]string{{strconv.Itoa(24 * fleetGPUs * 3), "1", "2026-11-21", "23"}}; cmp.Diff(want, got) != "" {
		t.Errorf("partitions (-want +got):\n%s", cmp.Diff(want, got))
	}
	if err := l.Verify(ctx, "prod", ledger.Verification{Window: two}, func(f ledger.Finding) error {
		t.Errorf("%s", f)
		return nil
	}); err != nil {
		t.Error(err)
	}
}

const fleetGPUs = 40

// fleetHour is a true hour of some GPUs, each held by two containers of a team
// and idle for the rest.
func fleetHour(hour window.Window, team string) usage.Hour {
	h := usage.Hour{Cluster: "prod", Window: hour, Source: "gputally", Road: "remote_read"}
	for gpu := range fleetGPUs {
		first := time.Duration(1+(gpu*7+len(team))%20) * time.Minute
		for i, cut := range []time.Duration{0, first, 50 * time.Minute} {
			to := []time.Duration{first, 50 * time.Minute, time.Hour}[i]
			s := held(hour, fmt.Sprintf("job-%d", i), cut, to)
			s.UUID, s.Namespace = fmt.Sprintf("GPU-%04d", gpu), team
			if i == 2 {
				s.State, s.Namespace, s.Pod, s.PodUID, s.Container = usage.Unallocated, "", "", "", ""
				h.Coverage.Unallocated += s.GPUMillis
			} else {
				h.Coverage.Allocated += s.GPUMillis
			}
			h.Segments = append(h.Segments, s)
		}
		h.Coverage.Expected += time.Hour.Milliseconds()
	}
	return h
}
