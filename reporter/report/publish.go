package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/gputally/gputally/reporter/bucket"
)

// The files of a report.
const (
	csvName      = "report.csv"
	manifestName = "manifest.json"
)

// Published says where a report is.
type Published struct {
	Manifest    Manifest // as it is stored
	ManifestKey string
	CSVKey      string // "" if the report is Failed
}

// ExistsError says that another report has this one's place: a report's files
// never change.
type ExistsError struct {
	Key string
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%s exists with other content: publish under a new report id", e.Key)
}

// Publish stores a table under its Spec's name, period and ID, with the
// manifest that Table.Manifest gave: the CSV file first, unless the report is
// Failed, and the manifest last. What is there already with the same content
// is left, and a manifest that differs in created_at only counts as the same,
// so Publish can be repeated after any failure and by several replicas at
// once. Where another report is, nothing is written. Errors: *ExistsError, and
// those of the bucket.
func Publish(ctx context.Context, b bucket.Bucket, t Table, m Manifest) (Published, error) {
	if err := t.Spec.Check(); err != nil {
		return Published{}, err
	}
	done := Published{ManifestKey: t.Spec.prefix() + manifestName}
	m.Files = []File{}
	if t.State() == Ready {
		file, err := t.describeCSV()
		if err != nil {
			return Published{}, err
		}
		m.Files = append(m.Files, file)
		done.CSVKey = t.Spec.prefix() + csvName
	}
	// A file beside the manifest of another report, such as a Failed one, would
	// look like a part of it.
	if err := vacant(ctx, b, done.ManifestKey, m); err != nil {
		return Published{}, err
	}
	if done.CSVKey != "" {
		if err := publishCSV(ctx, b, done.CSVKey, t, m.Files[0]); err != nil {
			return Published{}, err
		}
	}
	stored, err := publishManifest(ctx, b, done.ManifestKey, m)
	if err != nil {
		return Published{}, err
	}
	done.Manifest = stored
	return done, nil
}

// describeCSV describes the CSV file, which is written for that and kept nowhere.
func (t Table) describeCSV() (File, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, t.csv())
	if err != nil {
		return File{}, fmt.Errorf("write CSV of report %q: %w", t.Spec.Name, err)
	}
	return File{csvName, size, t.Len(), hex.EncodeToString(sum.Sum(nil))}, nil
}

// publishCSV stores the CSV file while it is written a second time. One that is
// there with the same content is left.
func publishCSV(ctx context.Context, b bucket.Bucket, key string, t Table, file File) error {
	_, err := b.Put(ctx, key, t.csv(), file.Size, bucket.Condition{Absent: true})
	if err == nil {
		return nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("publish %s: %w", key, err)
	}
	there, _, err := b.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, there)
	if err = errors.Join(err, there.Close()); err != nil {
		return fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != file.SHA256 {
		return &ExistsError{key}
	}
	return nil
}

// Find returns the report that is published under the name, period and ID of a
// spec. Errors: bucket.ErrNotFound if there is none, and others of the bucket.
func Find(ctx context.Context, b bucket.Bucket, s Spec) (Published, error) {
	if err := s.Check(); err != nil {
		return Published{}, err
	}
	found := Published{ManifestKey: s.prefix() + manifestName}
	data, _, err := bucket.ReadAll(ctx, b, found.ManifestKey)
	if err != nil {
		return Published{}, fmt.Errorf("find %s: %w", found.ManifestKey, err)
	}
	if found.Manifest, err = DecodeManifest(data); err != nil {
		return Published{}, fmt.Errorf("%s: %w", found.ManifestKey, err)
	}
	if len(found.Manifest.Files) > 0 {
		found.CSVKey = s.prefix() + csvName
	}
	return found, nil
}

// vacant tells whether the place of a manifest is free, or has the same one.
func vacant(ctx context.Context, b bucket.Bucket, key string, m Manifest) error {
	there, _, err := bucket.ReadAll(ctx, b, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	_, err = same(key, there, m)
	return err
}

// publishManifest stores the manifest and returns it, or the one that is there
// and says the same.
func publishManifest(ctx context.Context, b bucket.Bucket, key string, m Manifest) (Manifest, error) {
	data, err := m.Encode()
	if err != nil {
		return Manifest{}, err
	}
	there, err := create(ctx, b, key, data)
	if err != nil || there == nil {
		return m, err
	}
	return same(key, there, m)
}

// same returns the manifest that is there, if it says the same as another.
func same(key string, there []byte, m Manifest) (Manifest, error) {
	stored, err := DecodeManifest(there)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", key, err)
	}
	m.CreatedAt = stored.CreatedAt
	data, err := m.Encode()
	if err != nil {
		return Manifest{}, err
	}
	if !bytes.Equal(there, data) {
		return Manifest{}, &ExistsError{key}
	}
	return stored, nil
}

// create stores an object, or returns the content of the one that is there.
func create(ctx context.Context, b bucket.Bucket, key string, data []byte) (there []byte, err error) {
	_, err = b.Put(ctx, key, bytes.NewReader(data), int64(len(data)), bucket.Condition{Absent: true})
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return nil, fmt.Errorf("publish %s: %w", key, err)
	}
	if there, _, err = bucket.ReadAll(ctx, b, key); err != nil {
		return nil, fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	return there, nil
}
