package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// marker names the file by which a folder is known to be a demo's.
const marker = "gputally-demo.pid"

// folder is where one demo writes. It is locked while the demo runs.
type folder struct {
	dir  string
	lock *os.File
}

// openFolder takes the folder and removes what an earlier demo left in it.
func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(abs)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	name := filepath.Join(abs, marker)
	if _, err := os.Stat(name); err != nil && len(entries) > 0 {
		return nil, fmt.Errorf("%w: --dir: %s is not empty and not a demo's; name another folder", ErrUsage, dir)
	}
	if err := os.MkdirAll(abs, 0o750); err != nil {
		return nil, explain(fmt.Errorf("--dir: %w", err), dir)
	}
	lock, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(name)
		return nil, errors.Join(fmt.Errorf("a demo is running in %s (process %s); stop it with Ctrl-C there, or use another --dir", dir, strings.TrimSpace(string(pid))), lock.Close())
	}
	f := &folder{dir: abs, lock: lock}
	for _, e := range entries {
		if e.Name() != marker {
			if err := os.RemoveAll(filepath.Join(abs, e.Name())); err != nil {
				return nil, errors.Join(err, f.close())
			}
		}
	}
	if err := errors.Join(lock.Truncate(0), writeAt(lock, fmt.Sprintln(os.Getpid()))); err != nil {
		return nil, explain(errors.Join(err, f.close()), dir)
	}
	return f, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// close lets another demo have the folder.
func (f *folder) close() error { return f.lock.Close() }

// explain says what to do about errors that a newcomer may meet.
func explain(err error, dir string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk of %s is full (the demo needs about 600 MB while it makes its history): free some space or use --dir on another disk: %w", dir, err)
	}
	return err
}

// writeConfig writes the reporter's files.
func (f *folder) writeConfig(prometheusURL string) error {
	for name, content := range map[string]string{
		"gputally.yaml": fmt.Sprintf(mainFile, prometheusURL, f.path("bucket")),
		"prices.yaml":   pricesFile,
		"projects.yaml": projectsFile,
	} {
		if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const mainFile = `cluster: demo
prometheus:
  url: %s
  selector: {job: gputally-collector}
bucket:
  url: file://%s
prices: prices.yaml
projects: projects.yaml
`

const pricesFile = `currency: EUR
rates:
  - {model: "NVIDIA H200", gpu_hour: "3.20"}
  - {model: "NVIDIA A100*", gpu_hour: "1.65"}
  - {model: "NVIDIA L40S", gpu_hour: "0.90"}
`

const projectsFile = `node_pools:
  - {name: h200, models: ["NVIDIA H200"]}
  - {name: a100, models: ["NVIDIA A100*"]}
  - {name: l40s, models: ["NVIDIA L40S"]}
projects:
  - name: vision
    department: research
    namespaces: [vision-*]
    quota: [{deserved: 8}]
  - name: speech
    department: research
    namespaces: [speech]
    quota: [{deserved: 4, limit: 8}]
  - name: search
    department: product
    namespaces: [search-*]
    quota: [{deserved: 3}]
  - name: sandbox
    department: research
    namespaces: [research-sandbox]
    quota: [{deserved: 1}]
  - name: platform
    department: infrastructure
    namespaces: [ci]
`
