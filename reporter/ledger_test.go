package reporter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const dayObject = "ledger/daily/cluster=eu-1/date=" + day + "/usage.parquet"

// keptDay is a bucket with a closed day, and a configuration of it.
func keptDay(t *testing.T, more string) (b bucket.Bucket, config string) {
	t.Helper()
	dir, setting := folder(t)
	b = openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	config = "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting) + more}.write(t)
	run(t, now, "index", "rebuild", config).succeeds(t)
	return b, config
}

// says fails the test unless a command ended well and said all of it.
func (r result) says(t *testing.T, parts ...string) {
	t.Helper()
	out := r.succeeds(t)
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("it does not say %q:\n%s", part, out)
		}
	}
}

func TestLedgerCompactAndPrune(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "ledger: {restate_within: 1d, retain: {hourly: 30d, daily: 100d}}\n")
	days := func(n int) time.Time { return now.Add(time.Duration(n) * 24 * time.Hour) }
	report := []string{"report", "--by=namespace", "--period=" + day, "--format=csv", "--dry-run", config}
	rows := run(t, now, report...).succeeds(t)

	run(t, days(40), "ledger", "prune", config).says(t, "Deleted 0 objects of cluster eu-1", "24 hours stay until they are compacted")
	run(t, now, "ledger", "compact", config).says(t, "Compacted 1 days of cluster eu-1.")
	if snapshot(t, b)[dayObject] == "" {
		t.Fatalf("%s is not there", dayObject)
	}
	before := snapshot(t, b)
	run(t, now, "ledger", "compact", config).says(t, "Compacted 0 days of cluster eu-1.")
	run(t, days(40), "ledger", "prune", "--dry-run", config).says(t, "Would delete 24 objects of cluster eu-1", "24 hourly")
	if after := snapshot(t, b); len(after) != len(before) || after[dayObject] != before[dayObject] {
		t.Errorf("%d objects were there and %d are", len(before), len(after))
	}

	run(t, days(40), "ledger", "prune", config).says(t, "Deleted 24 objects of cluster eu-1", "24 hourly, 0 daily")
	if left := keys(snapshot(t, b), "ledger/hourly/", ""); len(left) != 0 {
		t.Errorf("these are left: %v", left)
	}
	if again := run(t, days(40), report...).succeeds(t); again != rows {
		t.Errorf("the report from the daily table is\n%s\nand was\n%s", again, rows)
	}
	run(t, days(101), "ledger", "prune", config).says(t, "24 hours are closed no more")
	whole := window.Window{To: days(200)}
	if hours, err := index.New(b, index.Config{}).Hours(t.Context(), "eu-1", whole); err != nil || len(hours) != 0 {
		t.Errorf("the index has %d hours, %v", len(hours), err)
	}
	run(t, days(101), "ledger", "compact", "--cluster=us-1", config).want(t, reporter.ExitUsage, `--cluster: "us-1" is none of eu-1`)
}

// A day with an hour that may still be closed is left alone until it can't be.
func TestCompactingADayWithAHole(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	hole := window.Hour(instant(day + "T20:00:00Z"))
	if err := b.Delete(t.Context(), ledger.Key("eu-1", hole), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	run(t, now, "ledger", "compact", config).says(t, "Compacted 0 days of cluster eu-1.")
	run(t, now.Add(48*time.Hour), "ledger", "compact", config).says(t, "Compacted 1 days of cluster eu-1.")
}

// A report by hand reads around a damaged day, and says so.
func TestAReportNamesADamagedDay(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	whole := run(t, now, "report", "--by=namespace", "--format=csv", config).succeeds(t)
	run(t, now, "ledger", "compact", config).says(t, "Compacted 1 days of cluster eu-1.")
	if _, err := bucket.PutBytes(t.Context(), b, dayObject, read(t, b, dayObject)[1:], bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	got := run(t, now, "report", "--by=namespace", "--format=csv", config)
	if got.succeeds(t) != whole || !strings.Contains(got.stderr, "A day of the daily table can't be read") {
		t.Errorf("it prints %q and says %q", got.stdout, got.stderr)
	}
}

// What verify says is to be done mends the day.
func TestTheAdviceOnADamagedDayMendsIt(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	run(t, now, "ledger", "compact", config).says(t, "Compacted 1 days of cluster eu-1.")
	whole := read(t, b, dayObject)
	for name, damage := range map[string]func([]byte) []byte{
		"bytes that are gone":  func(data []byte) []byte { return data[1:] },
		"a byte that is other": func(data []byte) []byte { data[len(data)/2] ^= 1; return data },
		"nothing left of it":   func([]byte) []byte { return nil },
	} {
		if _, err := bucket.PutBytes(t.Context(), b, dayObject, damage(slices.Clone(whole)), bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		found := run(t, now, "ledger", "verify", config)
		found.want(t, reporter.ExitLedger, "not in order")
		_, advice, _ := strings.Cut(found.stdout, "make the day again with gputally-reporter ")
		advice, _, _ = strings.Cut(advice, "\n")
		if advice != "ledger compact --cluster=eu-1 --from=2026-11-19 --to=2026-11-20" {
			t.Fatalf("%s: the advice is %q in\n%s", name, advice, found.stdout)
		}
		run(t, now, append(strings.Fields(advice), config)...).says(t, "Compacted 1 days of cluster eu-1.")
		run(t, now, "ledger", "verify", config).says(t, "24 closed hours are in order")
		if string(read(t, b, dayObject)) != string(whole) {
			t.Errorf("%s: the day is another one", name)
		}
		run(t, now, append(strings.Fields(advice), config)...).says(t, "Compacted 0 days of cluster eu-1.")
	}
}

// What a damaged day alone holds is lost only if somebody says so.
func TestGivingUpADamagedDay(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	run(t, now, "ledger", "compact", config).says(t, "Compacted 1 days of cluster eu-1.")
	for hour := range 20 {
		key := ledger.Key("eu-1", window.Hour(instant(day+"T00:00:00Z").Add(time.Duration(hour)*time.Hour)))
		if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	damaged := read(t, b, dayObject)[1:]
	if _, err := bucket.PutBytes(t.Context(), b, dayObject, damaged, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	put(t, b, usageOf(window.Hour(instant(day+"T22:00:00Z")), "NVIDIA H200", 45))
	later := now.Add(100 * 24 * time.Hour)
	run(t, later, "ledger", "compact", config).want(t, reporter.ExitDamage, "--give-up")
	if got := read(t, b, dayObject); string(got) != string(damaged) {
		t.Fatal("the damaged day was replaced")
	}
	run(t, later, "ledger", "compact", "--give-up", config).want(t, reporter.ExitUsage, "compact --give-up needs --from and --to")
	run(t, later, "ledger", "compact", "--give-up", "--from="+day+"T00:00:00Z", "--to=2026-11-20T00:00:00Z", config).says(t, "Compacted 1 days of cluster eu-1.")
	if entry, err := ledger.New(b, ledger.Config{}).Stat(t.Context(), "eu-1", window.Hour(instant(day+"T22:00:00Z"))); err != nil || entry.Revision != 2 {
		t.Errorf("%+v, %v", entry, err)
	}
}

// Serve compacts when the night is over, once, and again when an hour changed.
func TestServeCompactsAtNight(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	c := &clock{}
	c.set("2026-11-20T00:30:00Z")
	s := serve(t, c, config)
	s.ticks(t)
	if snapshot(t, b)[dayObject] != "" {
		t.Error("it compacts though hours may still come in")
	}
	c.set("2026-11-20T01:10:00Z")
	const compacted = `gputally_reporter_days_compacted_total{cluster="eu-1"}`
	s.eventually(t, "the day", func() bool { return s.metrics(t)[compacted] == 1 })
	first := snapshot(t, b)[dayObject]
	put(t, b, usageOf(window.Hour(instant(day+"T05:00:00Z")), "NVIDIA H200", 45))
	s.ticks(t)
	if snapshot(t, b)[dayObject] != first {
		t.Error("it compacts all the time")
	}
	c.set("2026-11-21T01:10:00Z")
	s.eventually(t, "the day with its restated hour", func() bool { return snapshot(t, b)[dayObject] != first })
	s.ends(t)
}

func TestLedgerVerify(t *testing.T) {
	t.Parallel()
	at := func(hour int) window.Window {
		return window.Hour(instant(day + "T00:00:00Z").Add(time.Duration(hour) * time.Hour))
	}
	tests := map[string]struct {
		breaks func(*testing.T, bucket.Bucket)
		finds  []string
	}{
		"all is in order": {func(*testing.T, bucket.Bucket) {}, nil},
		"an object that was changed": {func(t *testing.T, b bucket.Bucket) {
			key := ledger.Key("eu-1", at(3))
			data := read(t, b, key)
			data[len(data)/2] ^= 1
			if _, err := bucket.PutBytes(t.Context(), b, key, data, bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}, []string{"BAD   damaged: " + ledger.Key("eu-1", at(3)) + ": ", "restate the hour with gputally-reporter close --restate --cluster=eu-1 --from=2026-11-19T03 --to=2026-11-19T04\n"}},
		"an hour that the index has lost": {func(t *testing.T, b bucket.Bucket) {
			if err := index.New(b, index.Config{}).ForgetHours(t.Context(), "eu-1", []window.Window{at(4)}); err != nil {
				t.Fatal(err)
			}
		}, []string{"BAD   index: index/hours/cluster=eu-1/2026-11.json: it does not know hour 2026-11-19T04:00:00Z; make the index again"}},
		"an hour that is gone": {func(t *testing.T, b bucket.Bucket) {
			if err := b.Delete(t.Context(), ledger.Key("eu-1", at(5)), bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}, []string{"it knows hour 2026-11-19T05:00:00Z, which is not in the ledger"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, config := keptDay(t, "")
			tt.breaks(t, b)
			before := snapshot(t, b)
			got := run(t, now, "ledger", "verify", config)
			if len(tt.finds) == 0 {
				got.says(t, "ok    cluster eu-1: 24 closed hours are in order\n")
			} else {
				got.want(t, reporter.ExitLedger, "cluster eu-1: the ledger is not in order: 1 findings")
			}
			for _, part := range tt.finds {
				if !strings.Contains(got.stdout, part) {
					t.Errorf("it does not say %q:\n%s", part, got.stdout)
				}
			}
			if after := snapshot(t, b); len(after) != len(before) {
				t.Errorf("%d objects were there and %d are", len(before), len(after))
			}
			// Other hours are none of its business.
			run(t, now, "ledger", "verify", "--from="+day+"T10:00:00Z", "--to="+day+"T12:00:00Z", config).says(t, "2 closed hours are in order")
		})
	}
}

// What can't be read is not nothing.
func TestCoverageOfABucketThatCantBeRead(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	for _, key := range keys(snapshot(t, b), "index/hours/", "") {
		if _, err := bucket.PutBytes(t.Context(), b, key, []byte("{"), bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []string{"table", "csv", "json"} {
		got := run(t, now, "ledger", "coverage", "--format="+format, config)
		if got.code == reporter.ExitOK || got.stdout != "" {
			t.Errorf("as %s it ends with %d and prints %q", format, got.code, got.stdout)
		}
	}
}

func TestLedgerCoverage(t *testing.T) {
	t.Parallel()
	b, config := keptDay(t, "")
	gap := usageOf(window.Hour(instant(day+"T02:00:00Z")), "NVIDIA H200", 30)
	for i := range gap.Segments {
		if gap.Segments[i].UUID == "GPU-1" {
			gap.Segments[i].State, gap.Segments[i].Node = usage.Uncovered, "node-2"
			gap.Segments[i].GPUMillis -= 5000 // that nothing accounts for
		}
	}
	slices.SortFunc(gap.Segments, usage.Compare)
	gap.Coverage.Uncovered, gap.Coverage.Unallocated, gap.Coverage.Residue = 3_595_000, gap.Coverage.Unallocated-3_600_000, 5000
	put(t, b, gap)
	if err := b.Delete(t.Context(), ledger.Key("eu-1", window.Hour(instant(day+"T01:00:00Z"))), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	run(t, now, "index", "rebuild", config).succeeds(t)
	const columns = "hours_closed,hours_missing,expected,allocated,unallocated,unattributed,unavailable,uncovered,estimated,residue,absent,coverage_ratio\n"
	span := []string{"ledger", "coverage", "--format=csv", "--from=" + day + "T00:00:00Z", "--to=" + day + "T03:00:00Z", config}
	for by, want := range map[string]string{
		"hour": "cluster,hour," + columns +
			"eu-1,2026-11-19T00:00:00Z,1,0,7200.000,1800.000,5400.000,0.000,0.000,0.000,0.000,0.000,0.000,1.000000\n" +
			"eu-1,2026-11-19T01:00:00Z,0,1,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000,0.000000\n" +
			"eu-1,2026-11-19T02:00:00Z,1,0,7200.000,1800.000,1800.000,0.000,0.000,3595.000,0.000,5.000,0.000,0.500000\n",
		"node": "cluster,node," + columns +
			"eu-1,node-1,2,1,10800.000,3600.000,7200.000,0.000,0.000,0.000,0.000,0.000,0.000,0.666666\n" +
			"eu-1,node-2,2,1,3600.000,0.000,0.000,0.000,0.000,3595.000,0.000,5.000,0.000,0.000000\n",
		"cluster": "cluster," + columns +
			"eu-1,2,1,14400.000,3600.000,7200.000,0.000,0.000,3595.000,0.000,5.000,0.000,0.500000\n",
	} {
		if diff := cmp.Diff(want, run(t, now, append(span, "--by="+by)...).succeeds(t)); diff != "" {
			t.Errorf("by %s (-want +got)\n%s", by, diff)
		}
	}
	run(t, now, "ledger", "coverage", config).says(t,
		"CLUSTER  HOURS CLOSED  MISSING   EXPECTED  ALLOCATED",
		"                                GPU-HOURS  GPU-HOURS",
		"eu-1               23        1      46.00      11.50")
	run(t, now, "ledger", "coverage", "--format=json", config).says(t, `"cluster": "eu-1"`, `"expected": "165600.000"`)
}
