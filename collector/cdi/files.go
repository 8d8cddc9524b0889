package cdi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// maxFile is the largest CDI file read, in bytes. One with eight GPUs and
	// all their libraries is below 100 KiB.
	maxFile = 4 << 20
	// maxAge is how long a listing of the folders is good for: drivers write a
	// file for each claim before the container starts, and polls are a second apart.
	maxAge = 500 * time.Millisecond
)

// files follows the CDI files in some folders.
type files struct {
	dirs   []string
	log    *slog.Logger
	at     time.Time // of the latest listing
	read   map[string]content
	device map[string]located
}

// content is what a file said when it was read last.
type content struct {
	info    fs.FileInfo
	devices []Device
}

// located is a device with the rank of its folder; conflict if two files of one
// folder define it, which makes it unusable for runtimes too.
type located struct {
	Device
	rank     int
	conflict bool
}

func newFiles(dirs []string, log *slog.Logger) files {
	return files{dirs: dirs, log: log, read: map[string]content{}}
}

func (f *files) find(name string) (Device, bool) {
	d, ok := f.device[name]
	return d.Device, ok && !d.conflict
}

// refresh lists the folders if that was long ago, reads the files that are new
// or other ones than before, and forgets those that are gone.
func (f *files) refresh(now time.Time) {
	if age := now.Sub(f.at); f.device != nil && age >= 0 && age < maxAge {
		return
	}
	f.at = now
	read := map[string]content{}
	f.device = map[string]located{}
	for rank, dir := range f.dirs {
		entries, _ := os.ReadDir(dir) // a folder that is not there has no files
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); ext != ".json" && ext != ".yaml" {
				continue
			}
			name := filepath.Join(dir, e.Name())
			c := f.load(name)
			read[name] = c
			f.add(c.devices, rank)
		}
	}
	f.read = read
}

// load reads a file, unless it is the one that was read before. One that can't
// be read has no devices, and is logged once.
func (f *files) load(name string) content {
	info, err := os.Stat(name)
	before, known := f.read[name]
	if err == nil && known && before.info != nil && sameFile(before.info, info) {
		return before
	}
	c := content{info: info}
	if err == nil {
		c.devices, err = decodeFile(name)
	}
	again := known && before.info == nil && info == nil
	if err != nil && !again && !errors.Is(err, fs.ErrNotExist) {
		f.log.Warn("Skipped a CDI file", "file", name, "err", err)
	}
	return c
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func decodeFile(name string) ([]Device, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%w: %s is larger than 4 MiB", ErrSpec, name)
	}
	return Decode(name, raw)
}

func (f *files) add(devices []Device, rank int) {
	for _, d := range devices {
		before, ok := f.device[d.Name]
		f.device[d.Name] = located{d, rank, ok && before.rank == rank}
	}
}
