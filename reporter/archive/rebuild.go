package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/report"
)

// Rebuild makes the index of reports and what points to the latest ones again
// from the manifests, while others may go on publishing. Manifests that can't be
// read are left out; they are named in the error, which comes when all the rest
// is done. Errors: *index.VersionError.
func (a *Archive) Rebuild(ctx context.Context) error {
	names, err := a.Names(ctx)
	if err != nil {
		return err
	}
	for object, err := range a.bucket.List(ctx, reportsPrefix) {
		if err != nil {
			return fmt.Errorf("rebuild index: list %s: %w", reportsPrefix, err)
		}
		if name, ok := nameOf(object.Key); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var unreadable []error
	for _, name := range slices.Compact(names) {
		skipped, err := a.rebuildName(ctx, name)
		if err != nil {
			return fmt.Errorf("rebuild index: %w", err)
		}
		unreadable = append(unreadable, skipped...)
	}
	return errors.Join(unreadable...)
}

// rebuildName makes the objects of the index for a name again.
func (a *Archive) rebuildName(ctx context.Context, name string) (unreadable []error, err error) {
	months, err := a.monthObjects(ctx, name)
	if err != nil {
		return nil, err
	}
	found, err := a.readManifests(ctx, name)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, objects := range months {
		for _, object := range objects {
			wanted[object.Key] = true
		}
	}
	for _, r := range found.records {
		wanted[monthKey(r)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		first := true
		err := a.months.Replace(ctx, key, func() ([]Record, error) {
			if !first { // somebody has published meanwhile
				if found, err = a.readManifests(ctx, name); err != nil {
					return nil, err
				}
			}
			first = false
			return slices.DeleteFunc(slices.Clone(found.records), func(r Record) bool { return monthKey(r) != key }), nil
		})
		if err != nil {
			return nil, err
		}
	}
	if err := a.pointAll(ctx, found.records, found.pointed); err != nil {
		return nil, err
	}
	whole, err := a.wholeNames(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(whole, name) {
		return found.skipped, a.dropWhole(ctx, name, "")
	}
	return found.skipped, nil
}

// manifests are what there is of a name's reports.
type manifests struct {
	records []Record
	skipped []error       // why manifests could not be read
	pointed []Publication // that have a latest.json
}

// readManifests makes the records of a name's reports from their manifests.
func (a *Archive) readManifests(ctx context.Context, name string) (manifests, error) {
	var found manifests
	under := reportsPrefix + name + "/"
	for object, err := range a.bucket.List(ctx, under) {
		if err != nil {
			return manifests{}, fmt.Errorf("list %s: %w", under, err)
		}
		if p, ok := parseLatestKey(object.Key); ok {
			found.pointed = append(found.pointed, p)
		}
		if _, ok := nameOf(object.Key); !ok {
			continue
		}
		data, _, err := bucket.ReadAll(ctx, a.bucket, object.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue // deleted since it was listed
		}
		if err != nil {
			return manifests{}, fmt.Errorf("read manifest: %w", err)
		}
		record, err := readManifest(object.Key, data)
		if err != nil {
			found.skipped = append(found.skipped, err)
			continue
		}
		found.records = append(found.records, record)
	}
	number(found.records)
	return found, nil
}

// readManifest makes a record of a manifest, without its revision.
func readManifest(key string, data []byte) (Record, error) {
	m, err := report.DecodeManifest(data)
	if err != nil {
		return Record{}, fmt.Errorf("manifest %s: %w", key, err)
	}
	if key != manifestKey(m.Name, m.Period.Key, m.ID) {
		return Record{}, fmt.Errorf("manifest %s is of report %s/%s/%s; publish the report again", key, m.Name, m.Period.Key, m.ID)
	}
	r := recordOf(m, 1)
	r.ManifestSHA256 = checksum.SHA256(data) // also if a later version wrote fields that this one drops
	if field, err := r.check(); err != nil {
		return Record{}, fmt.Errorf("manifest %s: %s: %w", key, field, err)
	}
	return r, nil
}

// triedRevisions is how many revisions more than a period has reports are tried
// to find that of an id: some may have been claimed and never finished.
const triedRevisions = 100

// number gives each report its revision: that from which its id is derived, or if
// there is none, one more than that of the report that it supersedes.
func number(all []Record) {
	byPeriod := map[Publication][]*Record{}
	for i := range all {
		byPeriod[all[i].Publication()] = append(byPeriod[all[i].Publication()], &all[i])
	}
	for period, records := range byPeriod {
		revisions := map[string]int{}
		for n := 1; n <= len(records)+triedRevisions; n++ {
			revisions[period.id(n)] = n
		}
		byID := map[string]*Record{}
		for _, r := range records {
			byID[r.ID] = r
		}
		for _, r := range records {
			if n, derived := revisions[r.ID]; derived {
				r.Revision = n
				continue
			}
			// No chain is longer than there are reports, unless it is a ring.
			before := byID[r.Supersedes]
			for n := 0; before != nil && n < len(records); n++ {
				r.Revision++
				before = byID[before.Supersedes]
			}
		}
	}
}
