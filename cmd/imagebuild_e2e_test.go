//go:build e2e

package cmd_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Stand-ins for the images that others pull from a registry, made from Debian
// packages. Go itself and its caches are mounted while the Dockerfile is built.
const (
	baseImage    = "localhost/gputally-base:bookworm"
	builderImage = "localhost/gputally-builder:bookworm"
)

var standIns = []struct{ tag, variant, packages, dockerfile string }{
	{
		tag: baseImage, variant: "extract", packages: "base-files,libc6",
		dockerfile: "FROM scratch\nADD rootfs.tar /\n",
	},
	{
		tag: builderImage, variant: "essential", packages: "ca-certificates,gcc,git,libc6-dev,make",
		dockerfile: `FROM scratch
ADD rootfs.tar /
ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin GOPATH=/go GOCACHE=/cache GOTOOLCHAIN=local GOPROXY=off
`,
	},
}

// imageTimeout bounds each command; the slowest compiles all from nothing.
const imageTimeout = 20 * time.Minute

// imageBuilder is buildah with a store of its own.
type imageBuilder struct {
	project string // the folder of the Dockerfile
	store   string // kept: the stand-ins and the compiler's cache
	run     string
}

// newImageBuilder has all that a build needs, or fails and says what is missing.
func newImageBuilder(t *testing.T) *imageBuilder {
	t.Helper()
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "the rights of root, to mount and to change the root folder")
	}
	for _, tool := range []string{"buildah", "mmdebstrap"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool+" (apt-get install buildah mmdebstrap; on Ubuntu debian-archive-keyring too)")
		}
	}
	if len(missing) > 0 {
		t.Fatalf("the image can't be built here; missing:\n- %s", strings.Join(missing, "\n- "))
	}
	project, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	b := &imageBuilder{project: project, store: filepath.Join(project, ".tools", "images"), run: t.TempDir()}
	output(t, b.command(t, "rm", "--all")) // what a test left that was interrupted
	for _, s := range standIns {
		if b.command(t, "images", "--quiet", s.tag).Run() == nil {
			continue
		}
		began, dir := time.Now(), t.TempDir()
		output(t, command(t, "mmdebstrap", "--variant="+s.variant, "--include="+s.packages, "bookworm", filepath.Join(dir, "rootfs.tar")))
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(s.dockerfile), 0o644); err != nil {
			t.Fatal(err)
		}
		output(t, b.command(t, "build", "--isolation=chroot", "--tag="+s.tag, dir))
		t.Logf("made %s in %.0f s", s.tag, time.Since(began).Seconds())
	}
	return b
}

// image is one that was built, with its files mounted.
type image struct {
	tag    string
	root   string
	config imageConfig
}

// imageConfig is the part of the OCI image configuration that the Dockerfile sets.
type imageConfig struct {
	User         string
	Env          []string
	Entrypoint   []string
	Cmd          []string
	ExposedPorts map[string]struct{}
	WorkingDir   string
}

// build makes the image as `docker build` would, but with the stand-ins and
// without a network, and throws it away when the test ends.
func (b *imageBuilder) build(t *testing.T, version, revision string) *image {
	t.Helper()
	output(t, command(t, "go", "mod", "download"))
	cache := filepath.Join(b.store, "go-build")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	const tag = "localhost/gputally:e2e"
	build := b.command(t, "build", "--isolation=chroot", "--pull-never", "--tag="+tag,
		"--build-arg=BUILDER="+builderImage, "--build-arg=BASE="+baseImage,
		"--build-arg=VERSION="+version, "--build-arg=REVISION="+revision,
		"--volume="+goEnv(t, "GOROOT")+":/usr/local/go:ro",
		"--volume="+goEnv(t, "GOMODCACHE")+":/go/pkg/mod",
		"--volume="+cache+":/cache",
		b.project)
	build.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	output(t, build)
	container := output(t, b.command(t, "from", "--pull-never", tag))
	t.Cleanup(func() {
		output(t, b.command(t, "rm", container))
		output(t, b.command(t, "rmi", tag))
	})
	return &image{
		tag:    tag,
		root:   output(t, b.command(t, "mount", container)),
		config: b.config(t, tag),
	}
}

func (b *imageBuilder) config(t *testing.T, tag string) imageConfig {
	t.Helper()
	var inspected struct {
		OCIv1 struct{ Config imageConfig }
	}
	if err := json.Unmarshal([]byte(output(t, b.command(t, "inspect", "--type=image", tag))), &inspected); err != nil {
		t.Fatal(err)
	}
	return inspected.OCIv1.Config
}

// pulled is the size of the image as registries keep and send it, in bytes.
func (b *imageBuilder) pulled(t *testing.T, tag string) int64 {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "image.tar")
	output(t, b.command(t, "push", "--quiet", tag, "oci-archive:"+archive))
	info, err := os.Stat(archive)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// unpacked is the size of all files below a folder, in bytes.
func unpacked(t *testing.T, root string) int64 {
	t.Helper()
	var size int64
	err := filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// command runs a program of the image as its user and with its environment,
// seeing its files only. The network is the host's.
func (i *image) command(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	uid, gid, _ := strings.Cut(i.config.User, ":")
	id := func(s string) uint32 {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			t.Fatalf("the image's user %q is no uid:gid, as Kubernetes needs to see that it is not root", i.config.User)
		}
		return uint32(n)
	}
	cmd := command(t, path, args...)
	cmd.Dir, cmd.Env = "/", slices.Clone(i.config.Env)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot:     i.root,
		Credential: &syscall.Credential{Uid: id(uid), Gid: id(gid)},
	}
	return cmd
}

// command runs buildah with the test's own store.
func (b *imageBuilder) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return command(t, "buildah", append([]string{"--root=" + filepath.Join(b.store, "storage"), "--runroot=" + b.run}, args...)...)
}

// command ends with the test at the latest, cleanups included.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), imageTimeout)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// output returns what a command prints, without the line's end.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, &log)
	}
	return strings.TrimSpace(string(out))
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value := output(t, command(t, "go", "env", name))
	if value == "" {
		t.Fatalf("go env %s is empty", name)
	}
	return value
}
