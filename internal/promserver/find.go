package promserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// EnvBinary names the environment variable with the path of the Prometheus to
// run. It goes before all other places.
const EnvBinary = "GPUTALLY_PROMETHEUS"

// The oldest Prometheus that is taken from PATH: the tests pass with it.
const (
	oldestMajor = 2
	oldestMinor = 42
)

// Find returns the path of a Prometheus: the one that EnvBinary names, else the
// project's own build in .tools/bin, looked for from the working directory up
// to the root of the module, else the one on PATH if it is not too old.
func Find() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("prometheus of $%s: %w", EnvBinary, err)
		}
		return found, nil
	}
	own, err := findBuilt()
	if err != nil || own != "" {
		return own, err
	}
	path, err := exec.LookPath("prometheus")
	if err != nil {
		return "", fmt.Errorf("no prometheus: run \"make tools\", install one on PATH, or set $%s", EnvBinary)
	}
	if err := checkVersion(path); err != nil {
		return "", fmt.Errorf("%w; run \"make tools\" or set $%s", err, EnvBinary)
	}
	return path, nil
}

// findBuilt returns the project's own build, "" if there is none.
func findBuilt() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for prometheus: %w", err)
	}
	for {
		if path, err := exec.LookPath(filepath.Join(dir, ".tools", "bin", "prometheus")); err == nil {
			return path, nil
		}
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		parent := filepath.Dir(dir)
		if err == nil || !errors.Is(err, os.ErrNotExist) || parent == dir {
			return "", nil
		}
		dir = parent
	}
}

// checkVersion returns an error unless the binary says that it is new enough.
// A build from the module says no version; then nothing is known about it.
func checkVersion(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// Versions before 2.45 print it on stderr in some builds.
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("version of %s: %w", path, err)
	}
	m := regexp.MustCompile(`version v?(\d+)\.(\d+)`).FindSubmatch(out)
	if m == nil {
		return fmt.Errorf("%s does not say its version", path)
	}
	major, err1 := strconv.Atoi(string(m[1]))
	minor, err2 := strconv.Atoi(string(m[2]))
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("version of %s: %w", path, err)
	}
	if major < oldestMajor || major == oldestMajor && minor < oldestMinor {
		return fmt.Errorf("%s is version %d.%d, older than %d.%d", path, major, minor, oldestMajor, oldestMinor)
	}
	return nil
}
