package cgroup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gputally/gputally/collector/device"
)

// Config of a Reader.
type Config struct {
	// Proc is where the host's processes are found, default /proc.
	Proc string
	// ContainerLogs is the folder whose file names say which name a container
	// id has, usually DefaultContainerLogs; "" to do without names. No file in
	// it is opened.
	ContainerLogs string
	Now           func() time.Time // required
}

// Reader finds the owners of processes. It is not safe for concurrent use.
type Reader struct {
	proc  string
	names names
	known map[int]process // by PID, of the latest Owners
	lost  map[int]int     // by PID, how often in a row it could not be looked up
	self  device.Owner    // of the collector itself
}

// process is what was found of a PID. Another process may get the PID later;
// it starts at another time.
type process struct {
	start uint64 // clock ticks after boot
	name  string
	owner device.Owner
}

// New returns a Reader that has looked at no process yet.
func New(cfg Config) (*Reader, error) {
	if cfg.Now == nil {
		return nil, errors.New("cgroup: Config.Now is required")
	}
	if cfg.Proc == "" {
		cfg.Proc = "/proc"
	}
	r := &Reader{proc: cfg.Proc, names: names{dir: cfg.ContainerLogs, now: cfg.Now}, known: map[int]process{}}
	if content, err := os.ReadFile(filepath.Join(cfg.Proc, "self", "cgroup")); err == nil {
		r.self = Parse(content)
	}
	return r, nil
}

// patienceForLost is how often in a row a process that is listed may be missing in
// /proc: one that ended is no longer listed the next time.
const patienceForLost = 3

// Owners sets the Owner of every process in the inventory; zero if it can't be
// looked up. One that stays listed without being there is in no pod of this node.
// What was found is remembered as long as the process is listed, so that a call
// costs one short file for each of them.
func (r *Reader) Owners(inv *device.Inventory) {
	known := make(map[int]process, len(r.known))
	lost := map[int]int{}
	for g := range inv.GPUs {
		running := inv.GPUs[g].Reading.Running
		for i := range running {
			pid := running[i].PID
			p, ok := known[pid] // one process may use several GPUs
			if !ok {
				if p, ok = r.find(pid); ok {
					known[pid] = p
				} else if r.gone(pid) {
					lost[pid] = r.lost[pid] + 1
					p.owner.Host = lost[pid] >= patienceForLost
				}
			}
			running[i].Name, running[i].Owner = p.name, p.owner
		}
	}
	r.known, r.lost = known, lost
	for i := range inv.GPUs {
		r.nameAll(inv.GPUs[i].Reading.Running)
	}
}

// gone is true if there is no such process.
func (r *Reader) gone(pid int) bool {
	_, err := os.Stat(r.file(pid, "stat"))
	return errors.Is(err, fs.ErrNotExist)
}

// nameAll adds the containers' names, which may become known later than the ids.
func (r *Reader) nameAll(running []device.Process) {
	for i := range running {
		if o := &running[i].Owner; o.ContainerID != "" {
			o.Container = r.names.find(o.ContainerID)
		}
	}
}

// find looks a process up. The start time is read before and after the cgroup,
// so that both are of one process.
func (r *Reader) find(pid int) (process, bool) {
	start, name, ok := r.stat(pid)
	if !ok {
		return process{}, false
	}
	if p, ok := r.known[pid]; ok && p.start == start {
		return p, true
	}
	content, err := os.ReadFile(r.file(pid, "cgroup"))
	if err != nil {
		return process{}, false
	}
	if again, _, ok := r.stat(pid); !ok || again != start {
		return process{}, false
	}
	owner := Parse(content)
	if owner.PodUID != "" && owner.PodUID == r.self.PodUID {
		owner = device.Owner{}
	}
	return process{start, name, owner}, true
}

func (r *Reader) file(pid int, name string) string {
	return filepath.Join(r.proc, strconv.Itoa(pid), name)
}

// stat reads when a process started, field 22 of its stat, and its program's
// name. That is the second field, in parentheses, and may contain anything.
func (r *Reader) stat(pid int) (start uint64, name string, ok bool) {
	content, err := os.ReadFile(r.file(pid, "stat"))
	if err != nil {
		return 0, "", false
	}
	if from, to := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')'); 0 <= from && from < to {
		name = string(content[from+1 : to])
	}
	fields := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
	const started = 22 - 3 // the fields begin with the third
	if len(fields) <= started {
		return 0, "", false
	}
	start, err = strconv.ParseUint(string(fields[started]), 10, 64)
	return start, name, err == nil
}
