package collectortest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// Build makes commands of this project, by their names below cmd, in the folder
// dir, as the Makefile does. They have the race detector if this test has it: a
// race makes a process end with code 66.
func Build(dir string, commands ...string) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find this project's module: %w", err)
	}
	module, root, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	// go test keeps a result as long as the files that the test looked at stay
	// the same, so it looks at what the binaries are made of.
	for _, tree := range []string{"cmd", "collector", "internal", "reporter", "schedules"} {
		err := filepath.WalkDir(filepath.Join(root, tree), func(_ string, _ fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // a file of another test's that went meanwhile
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("look at this project's code: %w", err)
		}
	}
	args := []string{"build", "-ldflags", "-extldflags=-Wl,-z,lazy", "-o", dir + string(filepath.Separator)}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	for _, name := range commands {
		args = append(args, module+"/cmd/"+name)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = os.Environ()
	if os.Getenv("CGO_CFLAGS") == "" {
		cmd.Env = append(cmd.Env, "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", strings.Join(commands, ", "), err, out)
	}
	return nil
}
