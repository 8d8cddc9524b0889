package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/report"
)

// Publish stores a table as the report of a name and period: the files first,
// the manifest last. The table of the latest revision gives the report that is
// there, also if it was made at another time; another table becomes the next
// revision, which supersedes the latest. A Failed table has a manifest and no file. Errors:
// *NameError.
func (a *Archive) Publish(ctx context.Context, t report.Table, p Publication) (Published, error) {
	if err := errors.Join(p.Check(), t.Spec.Check()); err != nil {
		return Published{}, err
	}
	d, err := a.draft(t, p)
	if err != nil {
		return Published{}, err
	}
	revisions, err := a.revisions(ctx, recordOf(d.manifest, 1))
	if err != nil {
		return Published{}, err
	}
	var latest Record
	if len(revisions) > 0 {
		latest = revisions[len(revisions)-1]
	}
	id := Identity{Publication: p, Supersedes: latest.Supersedes}
	for id.Revision = max(latest.Revision, 1); ; id.Revision++ {
		id.ID = p.id(id.Revision)
		stored, ours, err := a.publishAs(ctx, d.as(id))
		if errors.Is(err, errTaken) {
			continue
		}
		if err == nil { // of another report, too: a crash may have kept it out
			err = a.finish(ctx, recordOf(stored, id.Revision))
		}
		if err != nil {
			return Published{}, err
		}
		if ours {
			return published(stored), nil
		}
		id.Supersedes = id.ID
	}
}

// finish makes a report known whose manifest is published. The index comes last,
// because what is not in there is made again.
func (a *Archive) finish(ctx context.Context, r Record) error {
	if err := a.pointTo(ctx, r); err != nil {
		return err
	}
	return a.note(ctx, r)
}

// errTaken says that an id belongs to a report that was never finished.
var errTaken = errors.New("the id is taken")

// publishAs publishes the draft under its id, unless that is another report
// already: then it returns that one's manifest, which is not ours. Errors:
// errTaken.
func (a *Archive) publishAs(ctx context.Context, d draft) (stored report.Manifest, ours bool, err error) {
	id := d.manifest.ID
	there, err := a.manifest(ctx, d.of, id)
	if err == nil {
		return there, d.same(there), nil
	}
	if !errors.Is(err, ErrNotFound) {
		return report.Manifest{}, false, err
	}
	if err := a.claim(ctx, d); err != nil {
		return report.Manifest{}, false, err
	}
	if err := a.publishFiles(ctx, d); err != nil {
		return report.Manifest{}, false, err
	}
	data, err := d.manifest.Encode()
	if err != nil {
		return report.Manifest{}, false, err
	}
	key := manifestKey(d.of.Name, d.of.Period, id)
	_, err = bucket.PutBytes(ctx, a.bucket, key, data, bucket.Condition{Absent: true})
	if err == nil {
		return d.manifest, true, nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return report.Manifest{}, false, fmt.Errorf("publish %s: %w", key, err)
	}
	if there, err = a.manifest(ctx, d.of, id); err != nil {
		return report.Manifest{}, false, err
	}
	return there, d.same(there), nil
}

// publishFiles stores the files of the draft. Errors: errTaken if other files
// are there, which an earlier version left behind: it made no claims.
func (a *Archive) publishFiles(ctx context.Context, d draft) error {
	key := fileKey(d.of.Name, d.of.Period, d.manifest.ID, csvName)
	if len(d.manifest.Files) == 0 {
		_, err := a.bucket.Stat(ctx, key)
		switch {
		case err == nil:
			return errTaken
		case errors.Is(err, bucket.ErrNotFound):
			return nil
		}
		return fmt.Errorf("publish %s: look for what is there: %w", key, err)
	}
	file := d.manifest.Files[0]
	_, err := a.bucket.Put(ctx, key, d.table.CSV(), file.Size, bucket.Condition{Absent: true})
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
	if checksum.Of(sum) != file.SHA256 {
		return errTaken
	}
	return nil
}

// draft is a table with the manifest that it will have.
type draft struct {
	of       Publication
	table    report.Table
	manifest report.Manifest
}

// draft describes the table and its files, without an id. The CSV file is
// written for that and kept nowhere.
func (a *Archive) draft(t report.Table, p Publication) (draft, error) {
	d := draft{p, t, t.Manifest(a.now())}
	d.manifest.Name, d.manifest.Period.Key = p.Name, p.Period
	terms := a.termsOf(d.manifest)
	d.manifest.Terms = &terms
	if t.State() != report.Ready {
		return d, nil
	}
	sum := sha256.New()
	size, err := io.Copy(sum, t.CSV())
	if err != nil {
		return draft{}, fmt.Errorf("write CSV of report %q: %w", p.Name, err)
	}
	d.manifest.Files = []report.File{{Name: csvName, Size: size, Rows: t.Len(), SHA256: checksum.Of(sum)}}
	return d, nil
}

// as returns the draft with the identity in its manifest.
func (d draft) as(id Identity) draft {
	d.manifest.ID, d.manifest.Supersedes = id.ID, id.Supersedes
	return d
}

// same tells whether a manifest says the same as the draft's. When it was made
// and what it supersedes doesn't count: replicas differ in both.
func (d draft) same(there report.Manifest) bool {
	ours := d.manifest
	ours.Supersedes = there.Supersedes
	if there.Terms == nil { // an earlier version wrote it
		ours.Terms, ours.AllClusters = nil, false
	}
	return there.Same(ours)
}

// published says where the report with a manifest is.
func published(m report.Manifest) Published {
	p := Published{Manifest: m, ManifestKey: manifestKey(m.Name, m.Period.Key, m.ID)}
	if len(m.Files) > 0 {
		p.CSVKey = fileKey(m.Name, m.Period.Key, m.ID, csvName)
	}
	return p
}
