package reporter_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/source/gputally"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// The day before now, closed by hand: the tests below need no Prometheus, and
// show by the way that none is asked for what is closed.
const day = "2026-11-19"

// usageOf is an hour in which one of two GPUs is held for some minutes.
func usageOf(hour window.Window, model string, minutes int64) usage.Hour {
	held, hourMillis := minutes*60_000, time.Hour.Milliseconds()
	from, to := hour.From.UnixMilli(), hour.To.UnixMilli()
	gpu := usage.Segment{Cluster: "eu-1", Node: "node-1", Model: model, Share: 1}
	train, rest, idle := gpu, gpu, gpu
	train.UUID, train.State, train.HeldFrom, train.HeldTo, train.GPUMillis = "GPU-0", usage.Allocated, from, from+held, held
	train.Namespace, train.Pod, train.PodUID, train.Container = "vision", "train-0", "uid-train-0", "main"
	rest.UUID, rest.State, rest.HeldFrom, rest.HeldTo, rest.GPUMillis = "GPU-0", usage.Unallocated, from+held, to, hourMillis-held
	idle.UUID, idle.State, idle.HeldFrom, idle.HeldTo, idle.GPUMillis = "GPU-1", usage.Unallocated, from, to, hourMillis
	h := usage.Hour{
		Cluster: "eu-1", Window: hour, Source: gputally.Profile, Road: "remote_read", Segments: []usage.Segment{train, rest, idle},
		Coverage: usage.Coverage{Expected: 2 * hourMillis, Allocated: held, Unallocated: 2*hourMillis - held},
	}
	slices.SortFunc(h.Segments, usage.Compare)
	return h
}

// closeDay puts the hours of the day into the ledger, and nothing into the index.
func closeDay(t *testing.T, b bucket.Bucket, model string) {
	t.Helper()
	w, err := window.Parse(day, now, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for hour := range w.Hours() {
		put(t, b, usageOf(hour, model, 30))
	}
}

func put(t *testing.T, b bucket.Bucket, h usage.Hour) {
	t.Helper()
	if _, err := ledger.New(b, ledger.Config{}).Put(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}

const prices = "currency: EUR\nrates:\n  - {model: \"NVIDIA H200\", gpu_hour: \"3.60\"}\n"

func manifest(t *testing.T, b bucket.Bucket, key string) report.Manifest {
	t.Helper()
	m, err := report.DecodeManifest(read(t, b, key))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// indexed are the reports of a name, oldest first.
func indexed(t *testing.T, b bucket.Bucket, name string) []archive.Record {
	t.Helper()
	var records []archive.Record
	for r, err := range archive.New(archive.Config{Bucket: b}).List(t.Context(), archive.Query{Name: name}) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	slices.Reverse(records)
	return records
}

// publishedIndex has the reports of the day.
const publishedIndex = "index/published/by-namespace/2026-11.json"

func TestAnIndexThatIsGoneComesBackWithoutReadingAnHourAgain(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	before := snapshot(t, b)
	config := files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	args := []string{"close", "--from=" + day + "T00:00:00Z", "--to=2026-11-20T00:00:00Z", "--config=" + config}
	if out := run(t, now, args...).succeeds(t); !strings.Contains(out, "Closed 24 hours") {
		t.Errorf("it says %q", out)
	}
	after := snapshot(t, b)
	const key = "index/hours/cluster=eu-1/2026-11.json"
	if after[key] == "" {
		t.Errorf("%s is not there", key)
	}
	delete(after, key)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the ledger changed (-before +after)\n%s", diff)
	}
	if out := run(t, now, args...).succeeds(t); !strings.Contains(out, "No hour to close") {
		t.Errorf("the second time it says %q", out)
	}
}

// Whatever is lost of what publishing writes, doing it again brings it back,
// byte for byte.
func TestPublishingGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]string{
		"before the manifest": {"manifest.json", "latest.json", publishedIndex},
		"before latest.json":  {"latest.json", publishedIndex},
		"before the index":    {publishedIndex},
		"nowhere":             {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, setting := folder(t)
			b := openFolder(t, dir)
			closeDay(t, b, "NVIDIA H200")
			config := files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
			args := []string{"report", "--by=namespace", "--period=" + day, "--config=" + config}
			first := run(t, now, args...).succeeds(t)
			before := snapshot(t, b)
			recordsBefore := indexed(t, b, "by-namespace")
			for key := range before {
				if slices.Contains(lost, path.Base(key)) || slices.Contains(lost, key) {
					if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if again := run(t, now, args...).succeeds(t); again != first {
				t.Errorf("it says\n%s\nand before\n%s", again, first)
			}
			after := snapshot(t, b)
			for _, objects := range []map[string]string{before, after} { // have a token of each write
				delete(objects, publishedIndex)
				delete(objects, "reports/by-namespace/"+day+"/latest.json")
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the objects (-before +after)\n%s", diff)
			}
			if diff := cmp.Diff(recordsBefore, indexed(t, b, "by-namespace")); diff != "" || len(recordsBefore) != 1 {
				t.Errorf("the records (-before +after)\n%s", diff)
			}
		})
	}
}

// A crash cut publishing off, and before the next attempt an hour was restated.
func TestPublishingWithOtherInputsAfterACrash(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lost       []string
		indexed    int  // revisions in the index
		supersedes bool // the first report, which was there
	}{
		"a file without a manifest is no report":   {[]string{"manifest.json", "latest.json", publishedIndex}, 1, false},
		"a manifest without a record is one":       {[]string{publishedIndex}, 2, true},
		"a report that is whole is superseded too": {nil, 2, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, setting := folder(t)
			b := openFolder(t, dir)
			closeDay(t, b, "NVIDIA H200")
			config := files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
			args := []string{"report", "--by=namespace", "--period=" + day, "--config=" + config}
			run(t, now, args...).succeeds(t)
			first := indexed(t, b, "by-namespace")[0]
			for key := range snapshot(t, b) {
				if slices.Contains(tt.lost, path.Base(key)) || slices.Contains(tt.lost, key) {
					if err := b.Delete(t.Context(), key, bucket.Condition{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			put(t, b, usageOf(window.Hour(instant(day+"T05:00:00Z")), "NVIDIA H200", 45))
			run(t, now, args...).succeeds(t)

			records := indexed(t, b, "by-namespace")
			if len(records) != tt.indexed {
				t.Fatalf("the index has %+v", records)
			}
			last := records[len(records)-1]
			if last.Revision != 2 || last.ID == first.ID || (last.Supersedes == first.ID) != tt.supersedes {
				t.Errorf("the latest is %+v, the first %+v", last, first)
			}
			if m := manifest(t, b, last.KeyPrefix+"manifest.json"); m.Supersedes != last.Supersedes || m.Totals.AllocatedGPUSeconds != "44100.000" {
				t.Errorf("the manifest is %+v", m)
			}
		})
	}
}

func TestAModelWithoutAPrice(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA B300")
	main := mainFile(closedPort(t), setting) + "prices: prices.yaml\n"
	args := []string{"report", "--by=namespace", "--publish-failed", "--period=" + day}

	config := files{"gputally.yaml": main, "prices.yaml": prices}.write(t)
	got := run(t, now, append(args, "--config="+config)...)
	got.want(t, reporter.ExitReport, "the report is Failed", `model "NVIDIA B300" has no price for 12.000000 GPU-hours`, "add a rate to the price book")
	failed := snapshot(t, b)
	if n := keys(failed, "reports/", "report.csv"); len(n) != 0 {
		t.Errorf("a Failed report has %v", n)
	}
	first := indexed(t, b, "by-namespace")[0]
	if m := manifest(t, b, first.KeyPrefix+"manifest.json"); m.State != report.Failed || len(m.Files) != 0 || m.Totals.Cost != "" {
		t.Errorf("the manifest is %+v", m)
	}

	config = files{"gputally.yaml": main, "prices.yaml": prices + "allow_unpriced: [\"NVIDIA B300\"]\n"}.write(t)
	run(t, now, append(args, "--config="+config)...).succeeds(t)
	last := indexed(t, b, "by-namespace")[1]
	if last.State != report.Ready || last.Supersedes != first.ID || last.Revision != 2 {
		t.Errorf("after the repair: %+v", last)
	}
	if diff := cmp.Diff([]string{last.KeyPrefix + "report.csv"}, keys(snapshot(t, b), "reports/", "report.csv")); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
}

func TestAReportOfADayOfWhichNothingIsClosed(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	config := files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	run(t, now, "report", "--by=namespace", "--publish-failed", "--period="+day, "--config="+config).
		want(t, reporter.ExitReport, "coverage 0.000000 is below the minimum 0.99",
			"cluster eu-1 has no closed hours from 2026-11-19T00:00:00Z to 2026-11-20T00:00:00Z; run gputally-reporter close --from=2026-11-19T00:00:00Z for them")
	record := indexed(t, b, "by-namespace")[0]
	m := manifest(t, b, record.KeyPrefix+"manifest.json")
	gap := report.Gap{Cluster: "eu-1", From: instant(day + "T00:00:00Z"), To: instant("2026-11-20T00:00:00Z")}
	if diff := cmp.Diff([]report.Gap{gap}, m.Missing); diff != "" {
		t.Errorf("missing hours (-want +got)\n%s", diff)
	}
}

// A second cluster in the bucket must not hide that the first has nothing.
func TestAReportMissesItsOwnCluster(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200") // of eu-1
	closed := files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	run(t, now, "close", "--from="+day+"T00:00:00Z", "--to=2026-11-20T00:00:00Z", "--config="+closed).succeeds(t)
	other := strings.Replace(mainFile(closedPort(t), setting), "eu-1", "us-1", 1)
	got := run(t, now, "report", "--by=cluster", "--publish-failed", "--period="+day, "--config="+files{"gputally.yaml": other}.write(t))
	got.want(t, reporter.ExitReport, "coverage 0.500000 is below the minimum")
	m := manifest(t, b, indexed(t, b, "by-cluster")[0].KeyPrefix+"manifest.json")
	if diff := cmp.Diff([]string{"eu-1", "us-1"}, m.Clusters); diff != "" {
		t.Errorf("clusters (-want +got)\n%s", diff)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	before := snapshot(t, b)
	config := files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	out := run(t, now, "report", "--by=pod", "--period="+day, "--dry-run", "--format=csv", "--config="+config).succeeds(t)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 3 || !strings.Contains(out, "train-0,uid-train-0,43200.000,") {
		t.Errorf("stdout is\n%s", out)
	}
	if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
		t.Errorf("the bucket changed\n%s", diff)
	}
}

func TestABrokenIndexStopsAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	closeDay(t, b, "NVIDIA H200")
	const key = publishedIndex
	broken, err := json.Marshal(map[string]int{"version": 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.PutBytes(t.Context(), b, key, broken, bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, b)
	config := "--config=" + files{"gputally.yaml": mainFile(closedPort(t), setting)}.write(t)
	run(t, now, "report", "--by=namespace", "--period="+day, config).want(t, reporter.ExitDamage, key, "gputally-reporter index rebuild")
	if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
		t.Errorf("the bucket changed\n%s", diff)
	}
	run(t, now, "index", "rebuild", config).succeeds(t)
	run(t, now, "report", "--by=namespace", "--period="+day, config).succeeds(t)
}
