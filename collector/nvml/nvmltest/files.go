package nvmltest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// DeviceFile is the file that the stand-in has open, for the scenario's file at path.
func DeviceFile(scenario string) string { return scenario + ".nvidiactl" }

// Opened lists in what ways a process has a file open: as descriptors and as mappings.
// While there are any of a driver's device files, its module can't be unloaded.
func Opened(pid int, file string) ([]string, error) {
	proc := filepath.Join("/proc", fmt.Sprint(pid))
	descriptors, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return nil, fmt.Errorf("list open files: %w", err)
	}
	var ways []string
	for _, d := range descriptors {
		if target, err := os.Readlink(filepath.Join(proc, "fd", d.Name())); err == nil && target == file { // else it was closed meanwhile
			ways = append(ways, "descriptor "+d.Name())
		}
	}
	maps, err := os.Open(filepath.Join(proc, "maps"))
	if err != nil {
		return nil, fmt.Errorf("list mapped files: %w", err)
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if strings.HasSuffix(lines.Text(), " "+file) {
			ways = append(ways, "mapping "+lines.Text())
		}
	}
	return ways, lines.Err()
}
