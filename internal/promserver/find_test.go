package promserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gputally/gputally/internal/promserver"
)

// script writes an executable shell script and returns its path.
func script(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// version is a prometheus that can only say its version.
func version(v string) string {
	return `echo "prometheus, version ` + v + ` (branch: , revision: )"`
}

// These cases change the environment and so run one after the other.
func TestFind(t *testing.T) {
	for name, tc := range map[string]struct {
		env     string // below the directory of the case
		built   string // where the project's own build is
		onPath  string // version of the one on PATH
		workdir string
		want    string
		err     string
	}{
		"the one that the environment names goes first": {env: "mine", built: "module/.tools/bin/prometheus", onPath: "3.0.0", workdir: "module", want: "mine"},
		"one in the environment that isn't there":       {env: "gone", onPath: "3.0.0", workdir: "module", err: "$GPUTALLY_PROMETHEUS"},
		"the project's own build goes before PATH":      {built: "module/.tools/bin/prometheus", onPath: "3.0.0", workdir: "module", want: "module/.tools/bin/prometheus"},
		"it is found from a package's directory":        {built: "module/.tools/bin/prometheus", workdir: "module/a/b", want: "module/.tools/bin/prometheus"},
		"it is not looked for above the module":         {built: ".tools/bin/prometheus", workdir: "module/a", err: "make tools"},
		"one on PATH that is new enough":                {onPath: "2.42.0+ds", workdir: "module", want: "path/prometheus"},
		"one on PATH of the next major version":         {onPath: "3.0.1", workdir: "module", want: "path/prometheus"},
		"one on PATH that is too old":                   {onPath: "2.41.9", workdir: "module", err: "older than 2.42"},
		"one on PATH that says no version":              {onPath: " ", workdir: "module", err: "does not say its version"},
		"none at all":                                   {workdir: "module", err: "make tools"},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			script(t, filepath.Join(root, "mine"), "")
			if err := os.MkdirAll(filepath.Join(root, "module/a/b"), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "module/go.mod"), []byte("module m\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv(promserver.EnvBinary, "")
			if tc.env != "" {
				t.Setenv(promserver.EnvBinary, filepath.Join(root, tc.env))
			}
			if tc.built != "" {
				script(t, filepath.Join(root, tc.built), "")
			}
			t.Setenv("PATH", filepath.Join(root, "path"))
			if tc.onPath != "" {
				script(t, filepath.Join(root, "path/prometheus"), version(tc.onPath))
			}
			t.Chdir(filepath.Join(root, tc.workdir))

			got, err := promserver.Find()
			switch {
			case tc.err != "":
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("found %q with error %v, want one with %q", got, err, tc.err)
				}
			case err != nil:
				t.Error(err)
			case got != filepath.Join(root, tc.want):
				t.Errorf("found %s, want %s", got, tc.want)
			}
		})
	}
}
