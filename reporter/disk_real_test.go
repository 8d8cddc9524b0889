//go:build real

package reporter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter"
)

// ended fails the test unless a process ends with the code, having said all of the
// parts.
func ended(t *testing.T, clock string, env, args []string, code int, parts ...string) {
	t.Helper()
	c := startWith(t, clock, env, args...)
	_ = c.Wait(t.Context()) // its state says how
	if got := c.State().ExitCode(); got != code {
		t.Errorf("%s with %q: exit code %d, want %d%s", args, env, got, code, c.LastLines())
	}
	for _, part := range parts {
		if !strings.Contains(c.LastLines(), part) {
			t.Errorf("%s with %q does not say %q%s", args, env, part, c.LastLines())
		}
	}
}

// The disk is full for files of some size and more: for all, for the index, for
// hours, for the report.
func TestADirectoryOnAFullDisk(t *testing.T) {
	t.Parallel()
	clock := newClock(t, afterThree)
	commands := [][]string{{"close", closeNight, untilTwo}, {"report", "--by=project", twoHours}}
	work := func(t *testing.T) (dir, config string) {
		t.Helper()
		dir, setting := folder(t)
		return dir, "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	}
	undisturbed, config := work(t)
	var wanted []map[string]string // after each command
	for _, command := range commands {
		runs(t, clock, append(command, config)...)
		wanted = append(wanted, content(t, undisturbed))
	}
	for _, limits := range [][2]int{{0, 0}, {500, 100}, {3000, 500}, {6470, 1500}} {
		t.Run(fmt.Sprint(limits), func(t *testing.T) {
			t.Parallel()
			dir, config := work(t)
			for i, command := range commands {
				args := append(command, config)
				full := []string{fmt.Sprintf("%s=%d", fileLimit, limits[i])}
				ended(t, clock, full, args, reporter.ExitBucket, "put "+dir, "no space left", "raise the limit on the size of files")
				for key, sum := range content(t, dir) {
					if sum != wanted[i][key] && !strings.HasPrefix(key, "index/") {
						t.Errorf("%v: %s is half written", command, key)
					}
				}
				runs(t, clock, args...)
				if diff := cmp.Diff(wanted[i], content(t, dir)); diff != "" {
					t.Errorf("%v: objects (-undisturbed +after there was space again)\n%s", command, diff)
				}
			}
			if left, err := os.ReadDir(filepath.Join(dir, ".gputally", "tmp")); err != nil || len(left) != 0 {
				t.Errorf("%d temporary files are left, %v", len(left), err)
			}
		})
	}
}

// content is that of the objects of a folder, without what is new with every write.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	objects, b := map[string][]byte{}, openFolder(t, dir)
	for key := range snapshot(t, b) {
		objects[key] = read(t, b, key)
	}
	return sums(objects)
}

// A report goes to a file that has no room, and to a device.
func TestAReportToAFullDisk(t *testing.T) {
	t.Parallel()
	clock := newClock(t, afterThree)
	dir, setting := folder(t)
	config := "--config=" + priced(shared.prometheus.URL, setting, "").write(t)
	runs(t, clock, "close", closeNight, untilTwo, config)
	runs(t, clock, "report", "--by=project", "--name=kept", twoHours, config)
	before := content(t, dir)
	to := filepath.Join(t.TempDir(), "report.csv")
	for name, c := range map[string]struct {
		args []string
		hint string
	}{
		"report":           {[]string{"report", "--by=project", twoHours, "--output=" + to}, "raise the limit on the size of files"},
		"download":         {[]string{"report", "download", "kept", "--output=" + to}, "raise the limit on the size of files"},
		"report, device":   {[]string{"report", "--by=project", twoHours, "--output=/dev/full"}, "free space there, or name a file on another disk"},
		"download, device": {[]string{"report", "download", "kept", "--output=/dev/full"}, "free space there, or name a file on another disk"},
	} {
		written := strings.TrimPrefix(c.args[len(c.args)-1], "--output=")
		ended(t, clock, []string{fileLimit + "=100"}, append(c.args, config), reporter.ExitFailure, "write "+written+": ", c.hint)
		if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) != 0 {
			t.Errorf("%s: left are %v, %v", name, left, err)
		}
	}
	if diff := cmp.Diff(before, content(t, dir)); diff != "" {
		t.Errorf("what could not be written was published (-before +after)\n%s", diff)
	}
	runs(t, clock, "report", "--by=project", twoHours, "--output="+to, config)
	written, err := os.ReadFile(to)
	if err != nil || len(parseCSV(t, written)) == 0 {
		t.Errorf("where there is space again, it has %q, %v", written, err)
	}
}
