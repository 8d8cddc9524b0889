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
// once. Errors: *ExistsError, and those of the bucket.
func Publish(ctx context.Context, b bucket.Bucket, t Table, m Manifest) (Published, error) {
	if err := t.Spec.Check(); err != nil {
		return Published{}, err
	}
	done := Published{ManifestKey: t.Spec.prefix() + manifestName}
	m.Files = []File{}
	if t.State() == Ready {
		done.CSVKey = t.Spec.prefix() + csvName
		file, err := publishCSV(ctx, b, done.CSVKey, t)
		if err != nil {
			return Published{}, err
		}
		m.Files = append(m.Files, file)
	}
	stored, err := publishManifest(ctx, b, done.ManifestKey, m)
	if err != nil {
		return Published{}, err
	}
	done.Manifest = stored
	return done, nil
}

func publishCSV(ctx context.Context, b bucket.Bucket, key string, t Table) (File, error) {
	var data bytes.Buffer
	if err := t.WriteCSV(&data); err != nil {
		return File{}, err
	}
	there, err := create(ctx, b, key, data.Bytes())
	if err != nil {
		return File{}, err
	}
	if there != nil && !bytes.Equal(there, data.Bytes()) {
		return File{}, &ExistsError{key}
	}
	sum := sha256.Sum256(data.Bytes())
	return File{csvName, int64(data.Len()), len(t.Rows), hex.EncodeToString(sum[:])}, nil
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
	stored, err := DecodeManifest(there)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", key, err)
	}
	m.CreatedAt = stored.CreatedAt
	if data, err = m.Encode(); err != nil {
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
	body, _, err := b.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	there, err = io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	if there == nil {
		there = []byte{}
	}
	return there, nil
}
