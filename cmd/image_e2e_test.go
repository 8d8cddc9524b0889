//go:build e2e

package cmd_test

import (
	"context"
	"debug/buildinfo"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/collector/nvml/nvmltest"
	"github.com/gputally/gputally/internal/child"
)

const (
	imageVersion  = "v0.0.0-e2e"
	imageRevision = "0123456789abcdef0123456789abcdef01234567"
)

// TestImage builds the Dockerfile without a network and runs what is in the
// image as the image says: its user, its environment, its files.
func TestImage(t *testing.T) {
	b := newImageBuilder(t)
	began := time.Now()
	img := b.build(t, imageVersion, imageRevision)
	t.Logf("built in %.0f s", time.Since(began).Seconds())
	mib := func(bytes int64) float64 { return float64(bytes) / (1 << 20) }
	t.Logf("%.1f MiB to pull, %.1f MiB unpacked, the stand-in for BASE among it %.1f MiB",
		mib(b.pulled(t, img.tag)), mib(unpacked(t, img.root)), mib(b.pulled(t, baseImage)))

	t.Run("it says how it wants to be run", func(t *testing.T) {
		want := imageConfig{
			User:         "65532:65532",
			Env:          img.config.Env, // that of BASE
			Entrypoint:   []string{"/usr/local/bin/gputally-reporter"},
			ExposedPorts: map[string]struct{}{"9835/tcp": {}, "9836/tcp": {}},
			WorkingDir:   img.config.WorkingDir,
		}
		if diff := cmp.Diff(want, img.config); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("it holds both binaries and nothing else of ours", func(t *testing.T) {
		var names []string
		for _, dir := range []string{"usr/local/bin", "src", "go"} {
			entries, _ := os.ReadDir(filepath.Join(img.root, dir)) // the others must not be there
			for _, e := range entries {
				names = append(names, e.Name())
			}
		}
		if diff := cmp.Diff([]string{"gputally-collector", "gputally-reporter"}, names); diff != "" {
			t.Error(diff)
		}
	})
	for _, name := range []string{"gputally-collector", "gputally-reporter"} {
		t.Run(name+" knows its version", func(t *testing.T) {
			out, err := img.command(t, "/usr/local/bin/"+name, "--version").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if want := name + ", version " + imageVersion + " (branch: , revision: " + imageRevision + ")"; !strings.HasPrefix(string(out), want) {
				t.Errorf("got %s\nwant %s", out, want)
			}
			info, err := buildinfo.ReadFile(filepath.Join(img.root, "usr/local/bin", name))
			if err != nil {
				t.Fatal(err)
			}
			if info.GoVersion != runtime.Version() {
				t.Errorf("built by %s, not by the builder's %s", info.GoVersion, runtime.Version())
			}
		})
	}
	t.Run("without a driver the collector serves and says that NVML is down", func(t *testing.T) {
		log := img.collect(t, `gputally_collector_source_up{source="nvml"} 0`)
		// Said by the loader: a collector without NVML built in never asks it.
		if want := "can't load libnvidia-ml.so.1"; !strings.Contains(log, want) {
			t.Errorf("its log does not say %q:\n%s", want, log)
		}
	})
	t.Run("with a driver mounted into it the collector meters", func(t *testing.T) {
		world := img.mountDriver(t)
		img.collect(t, `gputally_collector_source_up{source="nvml"} 1`,
			"LD_LIBRARY_PATH=/driver/lib", nvmltest.ScenarioEnv+"="+world)
	})
}

// mountDriver puts a stand-in for the driver's library where the chart mounts
// the real one, and returns the path of what that reads.
func (i *image) mountDriver(t *testing.T) string {
	t.Helper()
	library, err := os.ReadFile(nvmltest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(i.root, "driver", "lib")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "libnvidia-ml.so.1"), library, 0o755); err != nil {
		t.Fatal(err)
	}
	world := filepath.Join(dir, "world")
	if err := nvmltest.Node(1).WriteFile(world); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(world, 0o644); err != nil {
		t.Fatal(err)
	}
	return "/driver/lib/world"
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// collect runs the image's collector until its metrics have the sample, ends
// it as Kubernetes does, and returns its log.
func (i *image) collect(t *testing.T, sample string, env ...string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := i.command(t, "/usr/local/bin/gputally-collector",
		"--attribution=none", "--node=e2e", "--meter.interval=200ms", "--web.listen-address=127.0.0.1:0")
	cmd.Env = slices.Concat(cmd.Env, env)
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := func() string {
		text, _ := os.ReadFile(file.Name())
		return string(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	unserved := child.Poll(ctx, child.Met("it serves "+sample, func() bool {
		address := listening.FindStringSubmatch(log())
		return address != nil && strings.Contains(metrics(address[1]), "\n"+sample+"\n")
	}))
	_ = cmd.Process.Signal(syscall.SIGTERM) // Wait shows whether it had ended
	if err := cmd.Wait(); err != nil {
		t.Errorf("the collector ended with %v", err)
	}
	if unserved != nil {
		t.Error(unserved)
	}
	if t.Failed() {
		t.Logf("log of the collector:\n%s", log())
	}
	return log()
}

// metrics returns what is exposed at an address; nothing while nothing is.
func metrics(address string) string {
	r, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return string(body)
}
