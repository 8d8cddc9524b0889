package kubelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// maxCheckpoint is the largest checkpoint read, in bytes. An entry is well
// below 4 KiB.
const maxCheckpoint = 16 << 20

// CheckpointEntry says that a container holds devices.
type CheckpointEntry struct {
	PodUID    string
	Container string
	Resource  string
	Devices   []string // sorted
}

// DecodeCheckpoint reads the entries of a device-manager checkpoint. It is
// strict about what it needs and ignores the rest. The error is ErrCheckpoint.
func DecodeCheckpoint(content []byte) ([]CheckpointEntry, error) {
	var file struct {
		Data *struct {
			PodDeviceEntries []struct {
				PodUID        string
				ContainerName string
				ResourceName  string
				DeviceIDs     map[string][]string // by NUMA node, "-1" for none
			}
		}
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if file.Data == nil {
		return nil, fmt.Errorf("%w: it has no Data", ErrCheckpoint)
	}
	var entries []CheckpointEntry
	for i, e := range file.Data.PodDeviceEntries {
		if e.PodUID == "" || e.ContainerName == "" || e.ResourceName == "" {
			return nil, fmt.Errorf("%w: Data.PodDeviceEntries[%d] lacks PodUID, ContainerName or ResourceName", ErrCheckpoint, i)
		}
		entry := CheckpointEntry{PodUID: e.PodUID, Container: e.ContainerName, Resource: e.ResourceName}
		for _, ids := range e.DeviceIDs {
			entry.Devices = append(entry.Devices, ids...)
		}
		slices.Sort(entry.Devices)
		entries = append(entries, entry)
	}
	return entries, nil
}

// grant is a device in the hands of a container, as far as the checkpoint
// names it.
type grant struct{ container, resource, device string }

// set names the devices of a resource that a container holds.
type set struct{ uid, container, resource string }

// checkpointFile follows the checkpoint on disk.
type checkpointFile struct {
	path string             // "" to do without
	info fs.FileInfo        // of what was read last, nil if nothing was
	uids map[grant][]string // of the pods that hold a device
	pods map[string]bool    // the UIDs in it
	sets map[set][]string   // the devices, sorted
	err  error              // why this is not what is on disk now; is ErrCheckpoint
}

// reads is true if the content is what is on disk now.
func (f *checkpointFile) reads() bool { return f.path != "" && f.err == nil }

// refresh reads the file if it is another one than last time. On failure the
// former content stays.
func (f *checkpointFile) refresh() {
	info, err := os.Stat(f.path)
	if err != nil {
		f.info, f.err = nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
		return
	}
	if f.info != nil && sameContent(f.info, info) {
		return // the outcome stands too, good or bad
	}
	f.info, f.err = f.read()
}

// sameContent compares what a write changes. The kubelet replaces the file, so
// that two writes within one tick of the clock still differ in the inode.
func sameContent(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// read returns the info of the very file that it read, nil if it could not.
func (f *checkpointFile) read() (fs.FileInfo, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxCheckpoint+1))
	if err == nil && len(content) > maxCheckpoint {
		err = errors.New("it is larger than 16 MiB")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCheckpoint, f.path, err)
	}
	entries, err := DecodeCheckpoint(content)
	if err != nil {
		return info, fmt.Errorf("%s: %w", f.path, err)
	}
	f.take(entries)
	return info, nil
}

func (f *checkpointFile) take(entries []CheckpointEntry) {
	f.uids = make(map[grant][]string, len(entries))
	f.pods = make(map[string]bool, len(entries))
	f.sets = make(map[set][]string, len(entries))
	for _, e := range entries {
		f.pods[e.PodUID] = true
		f.sets[set{e.PodUID, e.Container, e.Resource}] = e.Devices
		for _, id := range e.Devices {
			g := grant{e.Container, e.Resource, id}
			if !slices.Contains(f.uids[g], e.PodUID) {
				f.uids[g] = append(f.uids[g], e.PodUID)
			}
		}
	}
}
