package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/report"
)

// ErrNotFound says that there is no such report, or that it has no such file.
// It is a bucket.ErrNotFound.
var ErrNotFound = fmt.Errorf("no such report: %w", bucket.ErrNotFound)

// DamageError says that an object of a report is not what was published.
type DamageError struct {
	Key string
	Err error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged: %v; delete the report, and make it again with gputally-reporter report", e.Key, e.Err)
}

// Unwrap gives what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// Manifest reads a report's manifest. Errors: ErrNotFound, *DamageError.
func (a *Archive) Manifest(ctx context.Context, r Record) (report.Manifest, error) {
	return a.manifest(ctx, Publication{r.Name, r.PeriodKey}, r.ID)
}

// manifest reads the manifest that lies under an id. Errors: as Manifest.
func (a *Archive) manifest(ctx context.Context, p Publication, id string) (report.Manifest, error) {
	key := manifestKey(p.Name, p.Period, id)
	data, _, err := bucket.ReadAll(ctx, a.bucket, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return report.Manifest{}, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return report.Manifest{}, fmt.Errorf("read %s: %w", key, err)
	}
	m, err := report.DecodeManifest(data)
	if err != nil {
		return report.Manifest{}, &DamageError{key, err}
	}
	return m, nil
}

// Open opens one of a report's files, such as "report.csv". The caller closes
// the reader. Its last Read fails with a *DamageError, in place of io.EOF, if
// the bytes are not those that were published. Errors: ErrNotFound if the
// report is gone or has no such file, *DamageError.
func (a *Archive) Open(ctx context.Context, r Record, file string) (io.ReadCloser, report.File, error) {
	m, err := a.Manifest(ctx, r)
	if err != nil {
		return nil, report.File{}, err
	}
	i := slices.IndexFunc(m.Files, func(f report.File) bool { return f.Name == file })
	if i < 0 {
		return nil, report.File{}, fmt.Errorf("report %s of %s, %s, has no file %s: %w", r.Name, r.PeriodKey, m.State, file, ErrNotFound)
	}
	key := fileKey(r.Name, r.PeriodKey, r.ID, file)
	body, object, err := a.bucket.Get(ctx, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, report.File{}, &DamageError{key, errors.New("it is gone, but its manifest is there")}
	}
	if err != nil {
		return nil, report.File{}, fmt.Errorf("open %s: %w", key, err)
	}
	if object.Size != m.Files[i].Size {
		return nil, report.File{}, errors.Join(&DamageError{key, fmt.Errorf("it has %d bytes and should have %d", object.Size, m.Files[i].Size)}, body.Close())
	}
	return &proven{body, sha256.New(), key, m.Files[i].SHA256}, m.Files[i], nil
}

// proven reads a file and compares its hash at the end.
type proven struct {
	io.ReadCloser
	sum  hash.Hash
	key  string
	want string
}

func (p *proven) Read(to []byte) (int, error) {
	n, err := p.ReadCloser.Read(to)
	_, _ = p.sum.Write(to[:n]) // a hash never fails to take bytes
	if errors.Is(err, io.EOF) && checksum.Of(p.sum) != p.want {
		err = &DamageError{p.key, errors.New("its SHA-256 is not the one in the manifest")}
	}
	return n, err
}
