package archive_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/report"
)

// whole checks that what lies beside each manifest is what the manifest lists,
// byte for byte, and that each report that is listed is there.
func whole(t *testing.T, b bucket.Bucket) {
	t.Helper()
	beside := map[string][]string{} // names by folder of a report
	for object, err := range b.List(t.Context(), "reports/") {
		if err != nil {
			t.Fatal(err)
		}
		if folder, name := path.Split(object.Key); strings.Count(folder, "/") == 4 {
			beside[folder] = append(beside[folder], name)
		}
	}
	for folder, names := range beside {
		data, _, err := bucket.ReadAll(t.Context(), b, folder+"manifest.json")
		if errors.Is(err, bucket.ErrNotFound) {
			continue // no report
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := report.DecodeManifest(data)
		if err != nil {
			t.Fatal(err)
		}
		if len(names) != 1+len(m.Files) {
			t.Errorf("beside a manifest of %d files lie %v", len(m.Files), names)
		}
		for _, file := range m.Files {
			data, _, err := bucket.ReadAll(t.Context(), b, folder+file.Name)
			if err != nil {
				t.Errorf("%s: %v", folder, err)
			}
			if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != file.SHA256 || int64(len(data)) != file.Size {
				t.Errorf("%s%s is not the file in the manifest", folder, file.Name)
			}
		}
	}
	for _, r := range list(t, open(b, start), archive.Query{}) {
		folder := "reports/" + r.Name + "/" + r.PeriodKey + "/" + r.ID + "/"
		if beside[folder] == nil {
			t.Errorf("%s is listed and not there", folder)
		}
	}
}

// mortal is a bucket to a process that dies at an operation: that one and all
// later ones fail.
type mortal struct {
	bucket.Bucket
	mu   sync.Mutex
	left int  // operations until the death
	late bool // it dies when the operation is done, and never hears of that
}

var errDead = errors.New("the process is dead")

// operate is one operation.
func (m *mortal) operate(op func() error) error {
	m.mu.Lock()
	m.left--
	left := m.left
	m.mu.Unlock()
	if left > 0 {
		return op()
	}
	if left == 0 && m.late {
		return errors.Join(op(), errDead)
	}
	return errDead
}

func (m *mortal) Get(ctx context.Context, key string) (r io.ReadCloser, o bucket.Object, err error) {
	err = m.operate(func() error { r, o, err = m.Bucket.Get(ctx, key); return err })
	return r, o, err
}

func (m *mortal) Stat(ctx context.Context, key string) (o bucket.Object, err error) {
	err = m.operate(func() error { o, err = m.Bucket.Stat(ctx, key); return err })
	return o, err
}

func (m *mortal) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, cond bucket.Condition) (o bucket.Object, err error) {
	err = m.operate(func() error { o, err = m.Bucket.Put(ctx, key, body, size, cond); return err })
	return o, err
}

func (m *mortal) Delete(ctx context.Context, key string, cond bucket.Condition) error {
	return m.operate(func() error { return m.Bucket.Delete(ctx, key, cond) })
}

func (m *mortal) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		if err := m.operate(func() error { return nil }); err != nil {
			yield(bucket.Object{}, err)
			return
		}
		m.Bucket.List(ctx, prefix)(yield)
	}
}

// everyDeath runs an act on buckets that die at each of its operations in turn,
// before and after the operation is done, and once on one that lives. Then it
// calls after with what is left in the bucket.
func everyDeath(t *testing.T, prepare func(b bucket.Bucket), act func(b bucket.Bucket) error, after func(t *testing.T, b bucket.Bucket)) {
	t.Helper()
	for _, late := range []bool{false, true} {
		for n := 1; ; n++ {
			b := newShaky()
			prepare(b)
			dying := &mortal{Bucket: b, left: n, late: late}
			err := act(dying)
			if err != nil && !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("operation %d, late %v", n, late), func(t *testing.T) { after(t, b) })
			if dying.left > 0 {
				if n < 3 {
					t.Errorf("there are %d operations", n)
				}
				break
			}
		}
	}
}
