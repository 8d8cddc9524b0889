package dir

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/gputally/gputally/reporter/bucket"
)

// List yields the objects whose keys begin with prefix.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		err := b.list(ctx, prefix, func(obj bucket.Object) bool { return yield(obj, nil) })
		if err != nil && !errors.Is(err, errLeft) {
			yield(bucket.Object{}, b.failed("list", prefix, err))
		}
	}
}

// errLeft says that the caller wants no more objects.
var errLeft = errors.New("list was left")

func (b *Bucket) list(ctx context.Context, prefix string, yield func(bucket.Object) bool) error {
	if err := bucket.CheckPrefix(prefix); err != nil {
		return err
	}
	root, err := b.root()
	if err != nil {
		return err
	}
	defer closeQuietly(root)
	w := walk{ctx: ctx, root: root, prefix: prefix, yield: yield}
	return w.folder(prefix[:strings.LastIndexByte(prefix, '/')+1])
}

// walk is one list under way.
type walk struct {
	ctx    context.Context
	root   *os.Root
	prefix string
	yield  func(bucket.Object) bool
}

// folder yields what lies in a folder, "" or with a slash at its end. Folders
// are sorted with that slash, which makes the order of the files that of
// their whole keys: "a-b" < "a/b" < "ab".
func (w *walk) folder(folder string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	names, err := w.names(folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		key := folder + name
		switch inFolder := strings.HasSuffix(name, "/"); {
		case inFolder && (strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)):
			err = w.folder(key)
		case !inFolder && strings.HasPrefix(key, w.prefix):
			err = w.file(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names returns what a folder has in it, sorted, other folders with a slash.
// Only what can be a key counts.
func (w *walk) names(folder string) ([]string, error) {
	f, err := w.root.Open(path.Clean("./" + folder))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closeQuietly(f)
	entries, err := f.ReadDir(-1)
	if err != nil && !gone(err) {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case bucket.CheckKey(folder+e.Name()) != nil:
		case e.IsDir():
			names = append(names, e.Name()+"/")
		case e.Type().IsRegular():
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func (w *walk) file(key string) error {
	info, err := w.root.Lstat(key)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !w.yield(bucket.Object{Key: key, Size: info.Size(), Modified: info.ModTime()}) {
		return errLeft
	}
	return nil
}

// gone tells that a file or folder was deleted since it was seen.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
