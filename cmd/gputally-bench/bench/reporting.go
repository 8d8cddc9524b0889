package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
)

// reporting makes reports over the month.
func (r *run) reporting(ctx context.Context) error {
	made, err := r.month(ctx)
	if err != nil {
		return err
	}
	rows, err := r.rows(ctx, "SELECT count(*), count(DISTINCT pod_uid), count(DISTINCT filename) FROM "+
		strings.Replace(hourly(filepath.Join(made, "bucket")), ")", ", filename = true)", 1))
	if err != nil {
		return err
	}
	for _, report := range []grouping{
		{"project", []string{"project"}},
		{"pod", []string{"namespace", "pod", "pod_uid"}},
	} {
		r.title("Reporting %d days of %d GPUs by %s", r.days, r.monthGPUs, report.by)
		r.note("%s segments of %s pods in %s hours", rows[0][0], rows[0][1], rows[0][2])
		if err := r.report(ctx, report, made); err != nil {
			return err
		}
	}
	return nil
}

// grouping is what a report sums by.
type grouping struct {
	by   string
	keys []string // columns of the report
}

// report makes a report in turns with DuckDB and prints both. Each has a copy of
// the bucket, of links, for itself.
func (r *run) report(ctx context.Context, g grouping, made string) error {
	var engine, own []spent
	store, sums := filepath.Join(r.temp, "bucket"), filepath.Join(r.temp, "sums.csv")
	for round := range r.rounds {
		r.progress("reporting by %s, round %d of %d", g.by, round+1, r.rounds)
		if err := r.copyMonth(made, store); err != nil {
			return err
		}
		s, err := r.query(ctx, io.Discard, fmt.Sprintf("COPY (%s) TO %s (HEADER)", g.sql(store), quote(sums)))
		if err != nil {
			return err
		}
		engine = append(engine, s)
		s, err = r.process(ctx, io.Discard, r.binary("gputally-reporter"), "--config="+filepath.Join(r.temp, settings), "--log.level=error",
			"report", "--by="+g.by, "--period="+begins.Format("2006-01-02")+"/"+begins.AddDate(0, 0, r.days).Format("2006-01-02"), "--format=none")
		if err != nil {
			return err
		}
		own = append(own, s)
	}
	yardstick := median(engine)
	r.line("DuckDB", yardstick, nil)
	r.line("gputally-reporter report", median(own), &yardstick)
	return r.equal(ctx, g, store, sums)
}

// copyMonth makes a bucket of links to a ledger that is there, with a copy of
// its index, and a configuration that names it.
func (r *run) copyMonth(made, store string) error {
	if err := os.RemoveAll(store); err != nil {
		return err
	}
	from := filepath.Join(made, "bucket")
	if err := os.CopyFS(filepath.Join(store, "index"), os.DirFS(filepath.Join(from, "index"))); err != nil {
		return err
	}
	if err := writeSettings(r.temp, store); err != nil {
		return err
	}
	objects, err := filepath.Glob(filepath.Join(from, "ledger", "hourly", "*", "*", "*", "*.parquet"))
	if err != nil {
		return err
	}
	for _, object := range objects {
		target := store + strings.TrimPrefix(object, from)
		if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
			return err
		}
		if err := os.Link(object, target); err != nil {
			return err
		}
	}
	return nil
}

// sums are the quantities that both sum, by column of the ledger and of the report.
var sums = [...][2]string{
	{"gpu_ms", "gpu_seconds"},
	{"active_ms", "active_gpu_seconds"},
	{"idle_ms", "idle_gpu_seconds"},
	{"observed_ms", "observed_gpu_seconds"},
	{"estimated_ms", "estimated_gpu_seconds"},
}

// sql groups the ledger as the report does.
func (g grouping) sql(store string) string {
	columns := append([]string{"state"}, g.keys...)
	for _, s := range sums {
		columns = append(columns, fmt.Sprintf("sum(%s)::BIGINT AS %s", s[0], s[0]))
	}
	from := hourly(store)
	if g.by == "project" {
		var owners []string
		for team := range fleet.Teams {
			owners = append(owners, fmt.Sprintf("(%s, %s)", quote(teamName(team)), quote(projectOf(team))))
		}
		from += fmt.Sprintf(" LEFT JOIN (VALUES %s) AS owner (namespace, project) USING (namespace)", strings.Join(owners, ", "))
	}
	return fmt.Sprintf("SELECT %s, sum(memory_byte_seconds) AS memory, sum(energy_mj) AS energy FROM %s GROUP BY ALL ORDER BY ALL",
		strings.Join(columns, ", "), from)
}

// equal compares the report with DuckDB's sums, row by row.
func (r *run) equal(ctx context.Context, g grouping, store, engine string) error {
	r.progress("comparing the sums")
	keys := "state"
	for _, key := range g.keys { // one writes "" where the other writes nothing
		keys += fmt.Sprintf(", coalesce(%s, '')", key)
	}
	ours, theirs := keys, keys
	for _, s := range sums {
		ours += fmt.Sprintf(", round(%s * 1000)::BIGINT", s[1])
		theirs += ", " + s[0]
	}
	// Told, not guessed: quotes come in the last line only.
	ours = fmt.Sprintf(`SELECT %s FROM read_csv(%s, header = true, delim = ',', quote = '"')`, ours, quote(store+"/reports/**/report.csv"))
	theirs = fmt.Sprintf(`SELECT %s FROM read_csv(%s, header = true, delim = ',', quote = '"')`, theirs, quote(engine))
	rows, err := r.rows(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM (%[2]s)), (SELECT count(*) FROM (%[1]s EXCEPT %[2]s)), (SELECT count(*) FROM (%[2]s EXCEPT %[1]s))", ours, theirs))
	if err != nil {
		return err
	}
	if rows[0][1] != "0" || rows[0][2] != "0" {
		return fmt.Errorf("the report by %s differs from DuckDB's sums: %s of its rows are not there, and %s of DuckDB's %s not in it", g.by, rows[0][1], rows[0][2], rows[0][0])
	}
	r.note("%s rows, all sums equal", rows[0][0])
	return nil
}
