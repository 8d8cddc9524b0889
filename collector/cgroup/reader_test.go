package cgroup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/cgroup"
	"github.com/gputally/gputally/collector/device"
)

// host is a fake /proc and a folder of container logs.
type host struct {
	t          testing.TB
	proc, logs string
	now        time.Time
	r          *cgroup.Reader
}

func newHost(t testing.TB) *host {
	h := &host{t: t, proc: t.TempDir(), logs: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	return h
}

func (h *host) write(path, content string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// run starts a process. Its name is as nasty as the kernel allows.
func (h *host) run(pid int, start uint64, path string) {
	h.t.Helper()
	dir := filepath.Join(h.proc, strconv.Itoa(pid))
	h.write(filepath.Join(dir, "stat"), fmt.Sprintf("%d (a) S 1 (b) R 1 %d %d 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 9 0 %d 12345 100 18446744073709551615\n", pid, pid, pid, start))
	h.write(filepath.Join(dir, "cgroup"), "0::"+path+"\n")
}

func (h *host) end(pid int) {
	h.t.Helper()
	if err := os.RemoveAll(filepath.Join(h.proc, strconv.Itoa(pid))); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) log(pod, namespace, container, id string) {
	h.t.Helper()
	h.write(filepath.Join(h.logs, pod+"_"+namespace+"_"+container+"-"+id+".log"), "not to be read")
}

// owners looks at processes of two GPUs, a second later.
func (h *host) owners(pids ...int) []device.Owner {
	h.t.Helper()
	h.now = h.now.Add(time.Second)
	if h.r == nil {
		r, err := cgroup.New(cgroup.Config{Proc: h.proc, ContainerLogs: h.logs, Now: func() time.Time { return h.now }})
		if err != nil {
			h.t.Fatal(err)
		}
		h.r = r
	}
	inv := device.Inventory{GPUs: []device.GPU{{}, {}}}
	for _, pid := range pids {
		for g := range inv.GPUs {
			inv.GPUs[g].Reading.Running = append(inv.GPUs[g].Reading.Running, device.Process{PID: pid})
		}
	}
	h.r.Owners(&inv)
	var got []device.Owner
	for i := range pids {
		if a, b := inv.GPUs[0].Reading.Running[i].Owner, inv.GPUs[1].Reading.Running[i].Owner; a != b {
			h.t.Errorf("process %d has owner %+v on one GPU and %+v on the other", pids[i], a, b)
		}
		got = append(got, inv.GPUs[0].Reading.Running[i].Owner)
	}
	return got
}

func (h *host) wants(when string, got []device.Owner, want ...device.Owner) {
	h.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		h.t.Errorf("%s: -want +got\n%s", when, d)
	}
}

const path, otherPath = "/kubepods/burstable/pod" + uid + "/" + id, "/kubepods/pod" + otherUID + "/" + otherID

func TestOwners(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(10, 500, path)
	h.run(11, 600, otherPath)
	h.run(12, 700, "/system.slice/x.service")
	h.log("train-0", "team-a", "main", id)
	h.wants("a pod with a name, one without, a service, nobody", h.owners(10, 11, 12, 13),
		device.Owner{PodUID: uid, ContainerID: id, Container: "main"}, device.Owner{PodUID: otherUID, ContainerID: otherID}, device.Owner{Host: true}, device.Owner{})
}

func TestProcessesThatAreListedAndNotThere(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(11, 500, path)
	h.write(filepath.Join(h.proc, "11", "stat"), "can't be read")
	for range 2 {
		h.wants("they may have ended just now", h.owners(10, 11), device.Owner{}, device.Owner{})
	}
	h.wants("one is in no pod of this node", h.owners(10, 11), device.Owner{Host: true}, device.Owner{})
	h.run(10, 500, path)
	h.wants("now it is", h.owners(10), device.Owner{PodUID: uid, ContainerID: id})
	h.end(10)
	h.wants("it ended just now", h.owners(10), device.Owner{})
}

// The kernel cuts names of programs at 15 bytes, and lets them contain anything.
func TestNamesOfPrograms(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(10, 500, path)
	h.owners(10)
	inv := device.Inventory{GPUs: []device.GPU{{Reading: device.Reading{Running: []device.Process{{PID: 10}, {PID: 11}}}}}}
	h.r.Owners(&inv)
	if got := inv.GPUs[0].Reading.Running; got[0].Name != "a) S 1 (b" || got[1].Name != "" {
		t.Errorf("names %q and %q, want %q and none", got[0].Name, got[1].Name, "a) S 1 (b")
	}
}

func TestPIDThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(10, 500, path)
	first := device.Owner{PodUID: uid, ContainerID: id}
	h.wants("the first", h.owners(10), first)
	h.write(filepath.Join(h.proc, "10", "cgroup"), "0::/\n") // shows whether it is read again
	h.wants("the same process", h.owners(10), first)
	h.run(10, 900, otherPath)
	h.wants("another process", h.owners(10), device.Owner{PodUID: otherUID, ContainerID: otherID})
	h.end(10)
	h.wants("no process", h.owners(10), device.Owner{})
}

func TestProcessNotListedIsForgotten(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(10, 500, path)
	h.owners(10)
	h.owners()
	h.run(10, 500, otherPath)
	h.wants("after a pause", h.owners(10), device.Owner{PodUID: otherUID, ContainerID: otherID})
}

func TestNamesMayComeLater(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(10, 500, path)
	h.run(11, 600, otherPath)
	h.owners(10, 11)
	h.log("a", "b", "main", id)
	h.wants("at once", h.owners(10), device.Owner{PodUID: uid, ContainerID: id})
	h.now = h.now.Add(10 * time.Second)
	h.wants("ten seconds later", h.owners(10, 11), device.Owner{PodUID: uid, ContainerID: id, Container: "main"}, device.Owner{PodUID: otherUID, ContainerID: otherID})
}

func TestFilesThatAreNoContainerLogs(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.run(10, 500, path)
	for _, name := range []string{id + ".log", "-" + id + ".log", "a_b_-" + id + ".log", "a_b_c_d-" + id + ".log", "main-" + id + ".log", "a_b_main-" + id[:60] + ".log"} {
		h.write(filepath.Join(h.logs, name), "")
	}
	h.wants("no name", h.owners(10), device.Owner{PodUID: uid, ContainerID: id})
}

func TestOwnProcessesAreNobodys(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.write(filepath.Join(h.proc, "self", "cgroup"), "0::"+path+"\n")
	h.run(10, 500, path) // in a PID namespace of its own, PID 10 is one of the collector's
	h.run(11, 500, otherPath)
	h.wants("one of its own and another", h.owners(10, 11), device.Owner{}, device.Owner{PodUID: otherUID, ContainerID: otherID})
}

func TestGarbledStat(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i, stat := range []string{"", "10", "10 (a) S 1 2", "10 (a) S 1 1 1 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 9 0 soon 1 1"} {
		h.run(10+i, 1, path)
		h.write(filepath.Join(h.proc, strconv.Itoa(10+i), "stat"), stat)
	}
	h.wants("unknown", h.owners(10, 11, 12, 13), make([]device.Owner, 4)...)
}

func TestThisMachinesProc(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	r, err := cgroup.New(cgroup.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	inv := device.Inventory{GPUs: []device.GPU{{Reading: device.Reading{Running: []device.Process{{PID: os.Getpid()}, {PID: 1 << 30}}}}}}
	r.Owners(&inv)
	for _, p := range inv.GPUs[0].Reading.Running {
		if p.Owner.PodUID != "" {
			t.Errorf("process %d belongs to %+v, want no pod", p.PID, p.Owner)
		}
	}
}

func TestReaderNeedsAClock(t *testing.T) {
	t.Parallel()
	if _, err := cgroup.New(cgroup.Config{}); err == nil {
		t.Error("New accepts no clock")
	}
	if _, err := cgroup.NewTree(cgroup.TreeConfig{}); err == nil {
		t.Error("NewTree accepts no clock")
	}
}

func BenchmarkOwners(b *testing.B) {
	h := newHost(b)
	var running []device.Process
	for pid := range 200 {
		h.run(pid+1, 500, path)
		running = append(running, device.Process{PID: pid + 1})
	}
	h.log("a", "b", "main", id)
	h.owners()
	inv := device.Inventory{GPUs: []device.GPU{{Reading: device.Reading{Running: running}}}}
	b.ReportAllocs()
	for b.Loop() {
		h.r.Owners(&inv)
	}
	if inv.GPUs[0].Reading.Running[7].Owner.Container != "main" {
		b.Fatal("no owner")
	}
}
