package reporter_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
)

// now is the time at which commands run unless a test says otherwise.
var now = instant("2026-11-20T12:00:00Z")

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err) // a typing error in a test
	}
	return t
}

// result is what a command did.
type result struct {
	code           int
	stdout, stderr string
	message        string // of the error, "" if there was none
}

// run runs a command as main does, at a time.
func run(t *testing.T, at time.Time, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := reporter.Run(t.Context(), args, &stdout, &stderr, reporter.Options{Now: func() time.Time { return at }})
	r := result{code: reporter.ExitCode(err), stdout: stdout.String(), stderr: stderr.String()}
	if err != nil {
		r.message = err.Error()
	}
	return r
}

// want fails the test unless the command ended with the code and its message
// has all the parts.
func (r result) want(t *testing.T, code int, parts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d: %s\n%s", r.code, code, r.message, r.stderr)
	}
	for _, part := range parts {
		if !strings.Contains(r.message, part) {
			t.Errorf("the message lacks %q:\n%s", part, r.message)
		}
	}
}

// succeeds fails the test unless the command ended well, and returns its output.
func (r result) succeeds(t *testing.T) string {
	t.Helper()
	if r.code != reporter.ExitOK {
		t.Fatalf("exit code %d: %s\n%s", r.code, r.message, r.stderr)
	}
	return r.stdout
}

// files are the files of a configuration by their names.
type files map[string]string

// write puts the files into a folder of their own and returns the main one.
func (f files) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range f {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "gputally.yaml")
}

// mainFile is a configuration of a Prometheus and a bucket.
func mainFile(prometheus, bucket string) string {
	return "cluster: eu-1\nprometheus: {url: \"" + prometheus + "\", timeout: 20s}\nbucket: " + bucket + "\n"
}

// folder is a bucket in a folder of the test.
func folder(t *testing.T) (dir, setting string) {
	t.Helper()
	dir = t.TempDir()
	return dir, fmt.Sprintf("{url: %q}", "file://"+dir)
}

func openFolder(t *testing.T, dir string) bucket.Bucket {
	t.Helper()
	b, err := open.Bucket(t.Context(), open.Config{URL: "file://" + dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// snapshot is what every object of a bucket holds, as its hash and ETag.
func snapshot(t *testing.T, b bucket.Bucket) map[string]string {
	t.Helper()
	all := map[string]string{}
	for object, err := range b.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, got, err := bucket.ReadAll(t.Context(), b, object.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[object.Key] = sum(data) + " " + got.ETag
	}
	return all
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

func read(t *testing.T, b bucket.Bucket, key string) []byte {
	t.Helper()
	data, _, err := bucket.ReadAll(t.Context(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// isEmpty fails the test if there is any file in a folder, an object or a part of one.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, infoErr := d.Info(); infoErr == nil && !d.IsDir() && info.Size() > 0 {
			t.Errorf("%s is there", path)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// keys are those of a snapshot with a prefix and an ending.
func keys(snapshot map[string]string, prefix, ending string) []string {
	var found []string
	for key := range snapshot {
		if strings.HasPrefix(key, prefix) && strings.HasSuffix(key, ending) {
			found = append(found, key)
		}
	}
	return found
}
