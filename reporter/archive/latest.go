package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/index"
	"github.com/gputally/gputally/reporter/report"
)

// maxAttempts bounds how often an object that others change is tried. Each
// attempt that fails is another writer's success, so more writers than this must
// be at work at once.
const maxAttempts = 40

// Latest points to the latest report of a period. It is stored as latest.json in the
// folder of the period. Keys are of objects in the same bucket, below its prefix.
type Latest struct {
	CSV         string       `json:"csv"` // key of the CSV file, "" if the report is Failed
	ID          string       `json:"id"`
	Manifest    string       `json:"manifest"` // key of the manifest
	Name        string       `json:"name"`
	Period      string       `json:"period"`
	Provisional bool         `json:"provisional"`
	Revision    int          `json:"revision"`
	State       report.State `json:"state"`
	Token       string       `json:"token"` // new with every write
	Version     int          `json:"version"`
}

// latestOf points to a report.
func latestOf(r Record) Latest {
	l := Latest{
		ID: r.ID, Manifest: manifestKey(r.Name, r.PeriodKey, r.ID), Name: r.Name, Period: r.PeriodKey,
		Provisional: r.Provisional, Revision: r.Revision, State: r.State, Version: 1,
	}
	if r.State == report.Ready {
		l.CSV = fileKey(r.Name, r.PeriodKey, r.ID, csvName)
	}
	return l
}

// Latest reads what points to the latest report of a period, in one request.
// Errors: ErrNotFound, *DamageError.
func (a *Archive) Latest(ctx context.Context, p Publication) (Latest, error) {
	l, _, err := a.readLatest(ctx, p)
	return l, err
}

func (a *Archive) readLatest(ctx context.Context, p Publication) (Latest, bucket.Object, error) {
	key := latestKey(p)
	data, object, err := bucket.ReadAll(ctx, a.bucket, key)
	if errors.Is(err, bucket.ErrNotFound) {
		return Latest{}, object, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return Latest{}, object, fmt.Errorf("read %s: %w", key, err)
	}
	var l Latest
	if err := json.Unmarshal(data, &l); err != nil {
		return Latest{}, object, &DamageError{key, err}
	}
	return l, object, nil
}

// pointTo has the period's latest.json point to a report that is published,
// unless it points to that or to a higher revision.
func (a *Archive) pointTo(ctx context.Context, r Record) error {
	return a.repoint(ctx, r.Publication(), func(there Latest) (Record, bool) {
		return r, there.Revision < r.Revision
	})
}

// repoint writes what should gives for what is there, the zero Latest if nothing
// readable is; the zero Record removes it. It begins again if somebody else was
// faster.
func (a *Archive) repoint(ctx context.Context, p Publication, should func(there Latest) (to Record, change bool)) error {
	key := latestKey(p)
	for range maxAttempts {
		there, object, err := a.readLatest(ctx, p)
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.As(err, new(*DamageError)) {
			return err
		}
		exists := !errors.Is(err, ErrNotFound)
		to, change := should(there)
		if err == nil && !change || !exists && to == (Record{}) {
			return nil
		}
		if to == (Record{}) {
			err = a.bucket.Delete(ctx, key, bucket.Condition{ETag: object.ETag})
		} else {
			err = a.writeLatest(ctx, key, to, bucket.Condition{Absent: !exists, ETag: object.ETag})
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, bucket.ErrConflict) {
			return fmt.Errorf("update %s: %w", key, err)
		}
	}
	return &index.ConflictError{Key: key, Attempts: maxAttempts}
}

func (a *Archive) writeLatest(ctx context.Context, key string, r Record, cond bucket.Condition) error {
	l := latestOf(r)
	l.Token = rand.Text()
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetIndent("", "  ")
	if err := enc.Encode(l); err != nil {
		return err
	}
	_, err := bucket.PutBytes(ctx, a.bucket, key, data.Bytes(), cond)
	return err
}

// highest are the highest revisions of the periods of records, by name and period.
func highest(records []Record) []Record {
	all := slices.Clone(records)
	slices.SortFunc(all, func(x, y Record) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.PeriodKey, y.PeriodKey), cmp.Compare(y.Revision, x.Revision))
	})
	return slices.CompactFunc(all, func(x, y Record) bool { return x.Publication() == y.Publication() })
}

// pointAll has latest.json of each period point to the highest of its revisions
// among the records, unless it points to a higher one whose manifest is there. It
// goes where a period that has one has no record.
func (a *Archive) pointAll(ctx context.Context, records []Record, pointed []Publication) error {
	wanted := map[Publication]Record{}
	for _, p := range pointed {
		wanted[p] = Record{}
	}
	for _, r := range highest(records) {
		wanted[r.Publication()] = r
	}
	for p, r := range wanted {
		want := latestOf(r)
		err := a.repoint(ctx, p, func(there Latest) (Record, bool) {
			want.Token = there.Token
			if there.Revision > r.Revision {
				_, err := a.bucket.Stat(ctx, manifestKey(p.Name, p.Period, there.ID))
				return r, errors.Is(err, bucket.ErrNotFound)
			}
			return r, there != want
		})
		if err != nil {
			return err
		}
	}
	return nil
}
