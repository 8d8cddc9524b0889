package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/schedule"
)

// existsError says that a revision is another report.
type existsError struct{ key string }

func (e *existsError) Error() string { return e.key + " exists with other content" }

// Publish stores a table as the report of a name and period: the files first,
// the manifest last. The same table gives the report that is there, also if it
// was made at another time; another one becomes the next revision, which
// supersedes the latest. A Failed table has a manifest and no file.
func (a *Archive) Publish(ctx context.Context, t report.Table, p Publication) (Published, error) {
	t.Spec.Name, t.Spec.PeriodKey = p.Name, p.Period
	latest, err := a.latest(ctx, p)
	if err != nil {
		return Published{}, err
	}
	t.Spec.Supersedes = latest.Supersedes
	for revision := max(latest.Revision, 1); ; revision++ {
		t.Spec.ID = schedule.ID(p.Name, p.Period, strconv.Itoa(revision))
		done, err := a.publishAs(ctx, t)
		if exists := (*existsError)(nil); errors.As(err, &exists) {
			done, err = a.find(ctx, p, t.Spec.ID)
			if errors.Is(err, bucket.ErrNotFound) {
				continue // a crash left a file without a manifest, which is no report
			}
			if err == nil {
				t.Spec.Supersedes = t.Spec.ID
				err = a.index.PutReport(ctx, index.Report(done.Manifest, revision)) // a crash may have kept it out
			}
			if err != nil {
				return done, err
			}
			continue
		}
		if err != nil {
			return done, err
		}
		return done, a.index.PutReport(ctx, index.Report(done.Manifest, revision))
	}
}

// latest is the record of the latest revision of a report, the zero Record if
// there is none.
func (a *Archive) latest(ctx context.Context, p Publication) (Record, error) {
	for r, err := range a.List(ctx, Query{Name: p.Name, Period: p.Period, Current: true}) {
		return r, err
	}
	return Record{}, nil
}

// publishAs stores the table under its Spec's name, period and ID. Errors:
// *existsError if another report is there; then nothing is written.
func (a *Archive) publishAs(ctx context.Context, t report.Table) (Published, error) {
	if err := t.Spec.Check(); err != nil {
		return Published{}, err
	}
	s := t.Spec
	done := Published{ManifestKey: manifestKey(s.Name, s.PeriodKey, s.ID)}
	m := t.Manifest(a.now())
	m.Files = []report.File{}
	if t.State() == report.Ready {
		file, err := describe(t)
		if err != nil {
			return Published{}, err
		}
		m.Files = append(m.Files, file)
		done.CSVKey = fileKey(s.Name, s.PeriodKey, s.ID, csvName)
	}
	// A file beside the manifest of another report, such as a Failed one, would
	// look like a part of it.
	if err := a.vacant(ctx, done.ManifestKey, m); err != nil {
		return Published{}, err
	}
	if done.CSVKey != "" {
		if err := a.publishCSV(ctx, done.CSVKey, t, m.Files[0]); err != nil {
			return Published{}, err
		}
	}
	stored, err := a.publishManifest(ctx, done.ManifestKey, m)
	if err != nil {
		return Published{}, err
	}
	done.Manifest = stored
	return done, nil
}

// describe describes the CSV file, which is written for that and kept nowhere.
func describe(t report.Table) (report.File, error) {
	sum := sha256.New()
	size, err := io.Copy(sum, t.CSV())
	if err != nil {
		return report.File{}, fmt.Errorf("write CSV of report %q: %w", t.Spec.Name, err)
	}
	return report.File{Name: csvName, Size: size, Rows: t.Len(), SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// publishCSV stores the CSV file while it is written a second time. One that is
// there with the same content is left.
func (a *Archive) publishCSV(ctx context.Context, key string, t report.Table, file report.File) error {
	_, err := a.bucket.Put(ctx, key, t.CSV(), file.Size, bucket.Condition{Absent: true})
	if err == nil {
		return nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("publish %s: %w", key, err)
	}
	there, _, err := a.bucket.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, there)
	if err = errors.Join(err, there.Close()); err != nil {
		return fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != file.SHA256 {
		return &existsError{key}
	}
	return nil
}

// find returns the report that is published under an id. Errors:
// bucket.ErrNotFound if there is none.
func (a *Archive) find(ctx context.Context, p Publication, id string) (Published, error) {
	found := Published{ManifestKey: manifestKey(p.Name, p.Period, id)}
	data, _, err := bucket.ReadAll(ctx, a.bucket, found.ManifestKey)
	if err != nil {
		return Published{}, fmt.Errorf("find %s: %w", found.ManifestKey, err)
	}
	if found.Manifest, err = report.DecodeManifest(data); err != nil {
		return Published{}, fmt.Errorf("%s: %w", found.ManifestKey, err)
	}
	if len(found.Manifest.Files) > 0 {
		found.CSVKey = fileKey(p.Name, p.Period, id, csvName)
	}
	return found, nil
}

// vacant tells whether the place of a manifest is free, or has the same one.
func (a *Archive) vacant(ctx context.Context, key string, m report.Manifest) error {
	there, _, err := bucket.ReadAll(ctx, a.bucket, key)
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
func (a *Archive) publishManifest(ctx context.Context, key string, m report.Manifest) (report.Manifest, error) {
	data, err := m.Encode()
	if err != nil {
		return report.Manifest{}, err
	}
	_, err = bucket.PutBytes(ctx, a.bucket, key, data, bucket.Condition{Absent: true})
	if err == nil {
		return m, nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return report.Manifest{}, fmt.Errorf("publish %s: %w", key, err)
	}
	there, _, err := bucket.ReadAll(ctx, a.bucket, key)
	if err != nil {
		return report.Manifest{}, fmt.Errorf("publish %s: read what is there: %w", key, err)
	}
	return same(key, there, m)
}

// same returns the manifest that is there, if it says the same as another but
// for created_at. Errors: *existsError.
func same(key string, there []byte, m report.Manifest) (report.Manifest, error) {
	stored, err := report.DecodeManifest(there)
	if err != nil {
		return report.Manifest{}, fmt.Errorf("%s: %w", key, err)
	}
	m.CreatedAt = stored.CreatedAt
	data, err := m.Encode()
	if err != nil {
		return report.Manifest{}, err
	}
	if !bytes.Equal(there, data) {
		return report.Manifest{}, &existsError{key}
	}
	return stored, nil
}
