//go:build real

package reporter_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/internal/simulate/history"
	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// nightWithout writes the fleet's night but for one window, and what lacks into
// a folder of its own.
func nightWithout(t *testing.T, gap window.Window) (data, lacking string) {
	t.Helper()
	targets, err := history.NewTargets(fleet(), begins, history.Timing{})
	if err != nil {
		t.Fatal(err)
	}
	data, lacking = t.TempDir(), t.TempDir()
	for _, part := range []struct {
		dir      string
		from, to time.Time
	}{{data, begins, gap.From}, {lacking, gap.From, gap.To}, {data, gap.To, ends}} {
		cfg := history.Config{Dir: promserver.DataDir(part.dir), From: part.from, To: part.to}
		if _, err := history.Write(t.Context(), cfg, targets); err != nil {
			t.Fatal(err)
		}
	}
	return data, lacking
}

func minutes(from, to int) window.Window {
	return window.Window{From: midnight.Add(time.Duration(from) * time.Minute), To: midnight.Add(time.Duration(to) * time.Minute)}
}

// Each replica was down for half an hour, at another time.
func TestReplicasFillEachOthersGaps(t *testing.T) {
	t.Parallel()
	var urls []string
	for _, gap := range []window.Window{minutes(40, 70), minutes(125, 155)} {
		data, _ := nightWithout(t, gap)
		urls = append(urls, startPrometheus(t, promserver.Config{Dir: data}).URL)
	}
	one := fmt.Sprintf("url: %q", urls[0])
	closed := func(prometheus string) bucket.Bucket {
		dir, setting := folder(t)
		f := priced(urls[0], setting, "")
		f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], one, prometheus, 1)
		run(t, afterThree, "close", closeNight, "--config="+f.write(t)).succeeds(t)
		return openFolder(t, dir)
	}
	alone := hoursOf(t, closed(one), "eu-1")
	both := hoursOf(t, closed(fmt.Sprintf("replicas: [%q, %q]", urls[0], urls[1])), "eu-1")
	whole := hoursOf(t, closed(fmt.Sprintf("url: %q", shared.prometheus.URL)), "eu-1")
	if uncovered := alone[0].Coverage.Uncovered; uncovered < 3*19*60_000 {
		t.Errorf("one replica alone lacks %d ms of the first hour", uncovered)
	}
	for i, want := range whole {
		got := both[i]
		if diff := cmp.Diff(want.Segments, got.Segments); diff != "" || got.Coverage != want.Coverage {
			t.Errorf("both cover %+v\n      of %+v\n%s", got.Coverage, want.Coverage, diff)
		}
	}
}

// Every road leads to the same books.
func TestTheJSONRoadGivesTheSameSegments(t *testing.T) {
	t.Parallel()
	closed := func(road string) []usage.Hour {
		dir, setting := folder(t)
		f := priced(shared.prometheus.URL, setting, "")
		f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout: 20s", "timeout: 20s, road: "+road, 1)
		run(t, afterThree, "close", closeNight, "--config="+f.write(t)).succeeds(t)
		return hoursOf(t, openFolder(t, dir), "eu-1")
	}
	read, text := closed("remote_read"), closed("json")
	if len(read) != 3 || len(text) != 3 {
		t.Fatalf("%d and %d hours are closed", len(read), len(text))
	}
	for i, want := range read {
		got := text[i]
		if diff := cmp.Diff(want.Segments, got.Segments); diff != "" || got.Coverage != want.Coverage || got.Road == want.Road {
			t.Errorf("%s covers %+v, %s %+v\n%s", got.Road, got.Coverage, want.Road, want.Coverage, diff)
		}
	}
}

// A replica that takes connections and is silent costs one timeout, not one for
// each piece: one for the collectors, and one for kube-state-metrics, which is read
// apart.
func TestAReplicaThatHangsDoesNotKeepHoursOpen(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // else it is not seen when the other side is gone
		<-r.Context().Done()
	}))
	t.Cleanup(hung.Close)
	dir, setting := folder(t)
	f := priced(hung.URL, setting, "")
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], fmt.Sprintf("url: %q, timeout: 20s", hung.URL),
		fmt.Sprintf("replicas: [%q, %q], timeout: 3s", hung.URL, shared.prometheus.URL), 1)
	run(t, afterThree, "close", closeNight, "--config="+f.write(t)).succeeds(t)
	hours := hoursOf(t, openFolder(t, dir), "eu-1")
	if len(hours) != 3 || requests.Load() != 2 {
		t.Errorf("%d hours are closed after %d requests that hung", len(hours), requests.Load())
	}
	for _, h := range hours {
		if h.Coverage.Uncovered != 0 {
			t.Errorf("the other replica does not suffice: %+v", h.Coverage)
		}
		if !strings.Contains(fmt.Sprint(h.Findings), "replica 0 of 2 ("+hung.URL+") could not be read: timeout") {
			t.Errorf("nothing is said of it: %v", h.Findings)
		}
	}
}

// The block that a Prometheus lacked is there later.
func arrives(t *testing.T, lacking, data string) {
	t.Helper()
	blocks, err := filepath.Glob(promserver.DataDir(lacking) + "/*")
	if err != nil || len(blocks) == 0 {
		t.Fatalf("blocks %v, %v", blocks, err)
	}
	for _, block := range blocks {
		if err := os.Rename(block, filepath.Join(promserver.DataDir(data), filepath.Base(block))); err != nil {
			t.Fatal(err)
		}
	}
}

// Samples around the edge of two hours arrive after three hours were closed.
func TestRestatingOneHourRestatesTheEdgesBesideIt(t *testing.T) {
	t.Parallel()
	data, lacking := nightWithout(t, minutes(50, 75))
	dir, setting := folder(t)
	b := openFolder(t, dir)
	f := priced("http://127.0.0.1:1", setting, "")
	server, err := promserver.Start(t.Context(), promserver.Config{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "http://127.0.0.1:1", server.URL, 1)
	config := "--config=" + f.write(t)
	run(t, afterThree, "close", closeNight, config).succeeds(t)
	gaps := hoursOf(t, b, "eu-1")
	if gaps[0].Coverage.Uncovered == 0 {
		t.Fatalf("the gap is not to be seen: %+v", gaps)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrives(t, lacking, data)
	startPrometheus(t, promserver.Config{Dir: data, Listen: strings.TrimPrefix(server.URL, "http://")})

	restate := []string{"close", "--restate", closeNight, "--to=2026-11-03T01:00:00Z", config}
	for _, period := range []string{"2026-11-03T00", "2026-11-03T01", "2026-11-03T02"} {
		run(t, afterThree, "report", "--by=project", "--publish-failed", "--period="+period, config)
	}
	if out := run(t, afterThree, restate...).succeeds(t); !strings.Contains(out, "Read 1 hours of cluster eu-1 again") ||
		!strings.Contains(out, ": 1 changed, and 1 neighbours with their edges.\n") ||
		!strings.Contains(out, "Reports by-project of 2 periods, 2026-11-03T00 to 2026-11-03T01, are outdated: hours changed after they were made.\nServe makes") {
		t.Errorf("it says %q", out)
	}
	whole, got := hoursOf(t, wholeNight(t), "eu-1"), hoursOf(t, b, "eu-1")
	for i := range whole {
		if diff := cmp.Diff(whole[i].Segments, got[i].Segments); diff != "" {
			t.Errorf("the hour %s (-as if nothing had been late +restated)\n%s", whole[i].Window, diff)
		}
	}
	for i, hour := range entries(t, b, "eu-1") {
		if want := []int{2, 2, 1}[i]; hour.Revision != want {
			t.Errorf("hour %d has revision %d, want %d", i, hour.Revision, want)
		}
	}
	before := snapshot(t, b)
	if out := run(t, afterThree, restate...).succeeds(t); strings.Contains(out, "outdated") {
		t.Errorf("when nothing changed, it says %q", out)
	}
	if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
		t.Errorf("restating again (-before +after)\n%s", diff)
	}
}

// wholeNight is a bucket with the night as it was from the first.
func wholeNight(t *testing.T) bucket.Bucket {
	t.Helper()
	dir, setting := folder(t)
	run(t, afterThree, "close", closeNight, "--config="+priced(shared.prometheus.URL, setting, "").write(t)).succeeds(t)
	return openFolder(t, dir)
}

// An hour must not become smaller because the server has forgotten its samples.
func TestAnHourWhoseSamplesAreGoneStaysAsItIsBooked(t *testing.T) {
	t.Parallel()
	dir, setting := folder(t)
	b := openFolder(t, dir)
	f := priced(shared.prometheus.URL, setting, "")
	run(t, afterThree, "close", closeNight, "--config="+f.write(t)).succeeds(t)
	before := snapshot(t, b)
	f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout:", "selector: {instance: node-a}, timeout:", 1)
	half := "--config=" + f.write(t)
	restate := []string{"close", "--restate", closeNight, "--to=2026-11-03T03:00:00Z"}
	run(t, afterThree, append(restate, half)...).want(t, reporter.ExitSource,
		"3 of 3 hours stay as they were closed", "hour 2026-11-03T00:00:00Z of cluster eu-1", "samples account for 2.000 GPU-hours now, and for 3.000 then", "--force")
	none := priced(shared.prometheus.URL, setting, "")
	none["gputally.yaml"] = strings.Replace(none["gputally.yaml"], "timeout:", "selector: {instance: nobody}, timeout:", 1)
	run(t, afterThree, append(restate, "--config="+none.write(t))...).want(t, reporter.ExitSource,
		"3 of 3 hours stay as they were closed", "no samples of gputally collectors")
	if diff := cmp.Diff(before, snapshot(t, b)); diff != "" {
		t.Errorf("objects (-before +after)\n%s", diff)
	}
	if out := run(t, afterThree, append(restate, "--force", half)...).succeeds(t); !strings.Contains(out, "3 changed") {
		t.Errorf("it says %q", out)
	}
	if e := hoursOf(t, b, "eu-1")[0].Coverage.Expected; e != 2*3_600_000 {
		t.Errorf("by force, the hour expects %d", e)
	}
}

func TestAnHourThatIsTooOldToBeRestated(t *testing.T) {
	t.Parallel()
	_, setting := folder(t)
	config := "--config=" + priced(shared.prometheus.URL, setting, "ledger: {restate_within: 2d}\n").write(t)
	run(t, afterThree, "close", closeNight, config).succeeds(t)
	late := afterThree.Add(48 * time.Hour)
	restate := []string{"close", "--restate", closeNight, "--to=2026-11-03T03:00:00Z", config}
	run(t, late, restate...).want(t, reporter.ExitUsage,
		"hour 2026-11-03T00:00:00Z ended 2 days ago", "ledger.restate_within allows 2; --force")
	run(t, late, append(restate, "--force")...).succeeds(t)
}

// Serve closes an hour with a gap, and finds its samples when it looks again.
func TestServeRestatesAnHourWhenItsSamplesArrive(t *testing.T) {
	t.Parallel()
	data, lacking := nightWithout(t, minutes(50, 75))
	dir, setting := folder(t)
	b := openFolder(t, dir)
	server, err := promserver.Start(t.Context(), promserver.Config{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	f := priced(server.URL, setting, "schedules: schedules.yaml\nminimum_coverage: 0.5\n")
	f["schedules.yaml"] = hourly
	c := &clock{}
	c.set("2026-11-03T01:25:00Z")
	s := serve(t, c, "--config="+f.write(t))
	const first = "2026-11-03T00"
	made := func() []string {
		return slices.DeleteFunc(states(t, b, "hourly"), func(s string) bool { return !strings.HasPrefix(s, first) })
	}
	s.eventually(t, "the report", func() bool { return len(made()) == 1 })
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrives(t, lacking, data)
	startPrometheus(t, promserver.Config{Dir: data, Listen: strings.TrimPrefix(server.URL, "http://")})
	s.ticks(t)
	if diff := cmp.Diff([]string{first + " 1 Ready"}, made()); diff != "" {
		t.Errorf("it looked again at once (-want +got)\n%s", diff)
	}
	c.set("2026-11-03T02:11:00Z")
	s.eventually(t, "the report's next revision", func() bool { return len(made()) == 2 })
	s.ticks(t)
	if diff := cmp.Diff([]string{first + " 1 Ready", first + " 2 Ready"}, made()); diff != "" {
		t.Errorf("reports (-want +got)\n%s", diff)
	}
	if v := s.metrics(t)[`gputally_reporter_hours_restated_total{cluster="eu-1"}`]; v < 1 {
		t.Errorf("%v hours restated", v)
	}
	s.ends(t)
	whole, got := hoursOf(t, wholeNight(t), "eu-1"), hoursOf(t, b, "eu-1")
	for i := range 2 {
		if whole[i].Coverage != got[i].Coverage {
			t.Errorf("hour %d covers %+v, want %+v", i, got[i].Coverage, whole[i].Coverage)
		}
	}
}

// Days are closed side by side, and each hour is what it would have been.
func TestABackfillInParallel(t *testing.T) {
	t.Parallel()
	whole := window.Window{From: begins.Truncate(time.Hour), To: midnight.Add(4 * time.Hour)}
	closed := func(args ...string) map[string]string {
		dir, setting := folder(t)
		config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
		args = append([]string{"close", "--from=" + whole.From.Format(time.RFC3339), config}, args...)
		if out := run(t, ends.Add(time.Hour/2), args...).succeeds(t); !strings.Contains(out, "Closed 5 hours") {
			t.Errorf("it says %q", out)
		}
		objects := snapshot(t, openFolder(t, dir))
		for key := range objects {
			if strings.HasPrefix(key, "index/") {
				delete(objects, key) // has a token of each write
			}
		}
		return objects
	}
	if diff := cmp.Diff(closed(), closed("--parallel=3")); diff != "" {
		t.Errorf("objects (-one by one +side by side)\n%s", diff)
	}
}
