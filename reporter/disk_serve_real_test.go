//go:build real && linux

package reporter_test

import (
	"math"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/internal/child"
)

// The disk of a bucket is full when serve starts, and later there is space.
func TestServeOnADiskThatIsFullForAWhile(t *testing.T) {
	t.Parallel()
	undisturbed, setting := folder(t)
	dir, full := folder(t)
	start := func(setting string, env ...string) (c *child.Child, shown *serving, clock string) {
		clock = newClock(t, instant("2026-11-03T02:25:00Z"))
		address := strings.TrimPrefix(closedPort(t), "http://")
		f := priced(shared.prometheus.URL, setting, "schedules: schedules.yaml\nminimum_coverage: 0.98\n")
		f["schedules.yaml"] = hourly
		c = startWith(t, clock, env, "serve", "--tick=1s", "--web.listen-address="+address, "--config="+f.write(t))
		return c, &serving{url: "http://" + address}, clock
	}
	reported := func(dir string) func() bool {
		return func() bool { return len(states(t, openFolder(t, dir), "hourly")) == 3 }
	}
	well, _, _ := start(setting)
	within(t, well, "the reports", reported(undisturbed))
	(&replica{now: well}).ends(t)

	c, shown, clock := start(full, fileLimit+"=1000")
	at := instant("2026-11-03T02:25:00Z")
	within(t, c, "closing has failed twice", func() bool {
		at = at.Add(time.Second) // what failed is tried again after a pause
		setClock(t, clock, at)
		return shown.metrics(t)[`gputally_reporter_task_failed_attempts{name="eu-1",task="close"}`] >= 2
	})
	if failed := shown.metrics(t)[`gputally_bucket_operations_total{operation="put",result="error"}`]; failed == 0 {
		t.Error("no failed put is counted")
	}
	if status, text := shown.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, text)
	}
	if !strings.Contains(c.LastLines(), "raise the limit on the size of files") {
		t.Errorf("the log does not say what to do:%s", c.LastLines())
	}
	if there := content(t, dir); len(there) != 0 {
		t.Errorf("on the full disk are %v", there)
	}

	space := syscall.Rlimit{Cur: math.MaxUint64, Max: math.MaxUint64}
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(c.PID()), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&space)), 0, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	setClock(t, clock, at.Add(10*time.Minute))
	within(t, c, "the reports", reported(dir))
	(&replica{now: c}).ends(t)
	timeless := func(all map[string]string) map[string]string { // without the times at which reports were made
		for key := range all {
			if strings.HasSuffix(key, "/manifest.json") || strings.HasPrefix(key, "index/") {
				all[key] = "is there"
			}
		}
		return all
	}
	if diff := cmp.Diff(timeless(content(t, undisturbed)), timeless(content(t, dir))); diff != "" {
		t.Errorf("objects (-undisturbed +after there was space)\n%s", diff)
	}
}
