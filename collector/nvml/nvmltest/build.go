package nvmltest

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

//go:embed stub
var source embed.FS

// Build compiles the stand-in for a present-day driver into a folder of its
// own and returns the path of its libnvidia-ml.so.1. Without a C compiler the
// test is skipped, or fails under the build tag real.
func Build(t testing.TB) string {
	t.Helper()
	return build(t, "stub.c", "measure.c", "events.c", "health.c")
}

// BuildOld is Build for an old driver, which lacks memory info v2, total
// energy, the power limit's bounds, MIG, the list of graphics processes and the newer version functions,
// all that it measures over time, reports when it happens or says of its health.
func BuildOld(t testing.TB) string {
	t.Helper()
	return build(t, "-DOLD_DRIVER", "stub.c")
}

// libraries are those that this process has compiled, by their arguments.
var libraries sync.Map // string → func() ([]byte, error)

// build compiles the files of the stand-in with the given flags and file names,
// once in a process, and returns a copy of the library.
func build(t testing.TB, args ...string) string {
	t.Helper()
	cc := compiler(t)
	once, _ := libraries.LoadOrStore(strings.Join(args, " "), sync.OnceValues(func() ([]byte, error) { return compile(cc, args) }))
	content, err := once.(func() ([]byte, error))()
	if err != nil {
		t.Fatalf("build the stand-in for the driver library: %v", err)
	}
	library := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	if err := os.WriteFile(library, content, 0o700); err != nil {
		t.Fatal(err)
	}
	return library
}

// compile runs the C compiler and returns the library.
func compile(cc, args []string) ([]byte, error) {
	header, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/NVIDIA/go-nvml").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module that has nvml.h: %w", err)
	}
	dir, err := os.MkdirTemp("", "nvmltest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, source); err != nil {
		return nil, err
	}
	library := filepath.Join(dir, "libnvidia-ml.so.1")
	args = append([]string{
		"-shared", "-fPIC", "-pthread", "-O1", "-w",
		"-I" + filepath.Join(strings.TrimSpace(string(header)), "pkg", "nvml"),
		"-o", library,
	}, args...)
	cmd := exec.Command(cc[0], append(cc[1:], args...)...)
	cmd.Dir = filepath.Join(dir, "stub")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(library)
}

// compiler is the command line of the C compiler: $CC, else the first found.
func compiler(t testing.TB) []string {
	t.Helper()
	if cc := strings.Fields(os.Getenv("CC")); len(cc) > 0 {
		return cc
	}
	for _, name := range []string{"cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}
		}
	}
	const reason = "no C compiler (looked for $CC, cc, gcc, clang): install one to test against a driver library"
	if compilerRequired {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return nil
}
