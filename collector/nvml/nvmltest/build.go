package nvmltest

import (
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// build compiles the files of the stand-in with the given flags and file names.
func build(t testing.TB, args ...string) string {
	t.Helper()
	cc := compiler(t)
	header, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/NVIDIA/go-nvml").Output()
	if err != nil {
		t.Fatalf("find the module that has nvml.h: %v", err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, source); err != nil {
		t.Fatal(err)
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
		t.Fatalf("build the stand-in for the driver library: %v\n%s", err, out)
	}
	return library
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
