package dir_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/dir"
)

func keys(t *testing.T, b bucket.Bucket, prefix string) []string {
	t.Helper()
	var ks []string
	for obj, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		ks = append(ks, obj.Key)
	}
	return ks
}

func put(t *testing.T, b bucket.Bucket, key, content string) {
	t.Helper()
	if _, err := bucket.PutBytes(t.Context(), b, key, []byte(content), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
}

func TestAnObjectIsAFileWithItsKeyAsPath(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	b := open(t, path)
	put(t, b, "reports/june/report.csv", "a,b\n")
	data, err := os.ReadFile(filepath.Join(path, "reports/june/report.csv"))
	if err != nil || string(data) != "a,b\n" {
		t.Errorf("file has %q, %v", data, err)
	}
	if err := b.Delete(t.Context(), "reports/june/report.csv", bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, "reports")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folders are left after the last object: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(path, ".gputally/tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

func TestFilesThatAreNoObjectsAreNotSeen(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	b := open(t, path)
	put(t, b, "a/object", "x")
	for name, err := range map[string]error{
		"hidden":           os.WriteFile(filepath.Join(path, "a/.DS_Store"), nil, 0o600),
		"control":          os.WriteFile(filepath.Join(path, "a/line\nbreak"), nil, 0o600),
		"temporary":        os.WriteFile(filepath.Join(path, ".gputally/tmp/X"), nil, 0o600),
		"pipe":             syscall.Mkfifo(filepath.Join(path, "a/pipe"), 0o600),
		"link to a file":   os.Symlink(filepath.Join(outside, "secret"), filepath.Join(path, "a/link")),
		"link to a folder": os.Symlink(outside, filepath.Join(path, "outside")),
	} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if ks := keys(t, b, ""); !slices.Equal(ks, []string{"a/object"}) {
		t.Errorf("listed %q", ks)
	}
	for _, key := range []string{"a/pipe", "a/link", "outside/secret"} {
		if _, _, err := b.Get(t.Context(), key); err == nil {
			t.Errorf("%s was read", key)
		}
	}
	if _, err := bucket.PutBytes(t.Context(), b, "outside/new", []byte("x"), bucket.Condition{}); err == nil {
		t.Error("a link led a put outside")
	}
}

func TestWhatACrashLeftIsSweptAndALiveWriterIsNot(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	b := open(t, path)
	left := filepath.Join(path, ".gputally/tmp/CRASHED")
	if err := os.MkdirAll(filepath.Dir(left), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("half an obj"), 0o600); err != nil {
		t.Fatal(err)
	}
	// While the object is read, another process opens the same directory.
	body := &meanwhile{ReadSeeker: strings.NewReader("whole object"), do: func() { open(t, path) }}
	if _, err := b.Put(t.Context(), "k", body, 12, bucket.Condition{}); err != nil {
		t.Errorf("put while the directory was swept: %v", err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of a crashed writer is still there: %v", err)
	}
}

// meanwhile does something at its first Read.
type meanwhile struct {
	io.ReadSeeker
	do   func()
	done bool
}

func (m *meanwhile) Read(p []byte) (int, error) {
	if !m.done {
		m.done = true
		m.do()
	}
	return m.ReadSeeker.Read(p)
}

func TestADirectoryThatWasRemovedIsNoEmptyBucket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bucket")
	b := open(t, path)
	put(t, b, "state/index", "x")
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.Get(t.Context(), "state/index")
	if !errors.Is(err, bucket.ErrNoBucket) || errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	_, err = bucket.PutBytes(t.Context(), b, "state/index", nil, bucket.Condition{})
	if !errors.Is(err, bucket.ErrNoBucket) {
		t.Errorf("put: %v", err)
	}
	for _, err := range b.List(t.Context(), "state/") {
		if !errors.Is(err, bucket.ErrNoBucket) {
			t.Errorf("list: %v", err)
		}
	}
}

func TestAPathThatIsAFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.New(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("New of a file: %v", err)
	}
}
