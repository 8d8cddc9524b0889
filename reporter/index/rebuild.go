package index

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// Ledger is what Rebuild reads hours from: a *ledger.Ledger.
type Ledger interface {
	// All yields every closed hour, and stops after the first error.
	All(ctx context.Context) iter.Seq2[ledger.Object, error]
	// List yields the closed hours of a cluster that overlap the window, and
	// stops after the first error.
	List(ctx context.Context, cluster string, w window.Window) iter.Seq2[ledger.Object, error]
	// Stat describes a closed hour. Errors: *ledger.MissingError,
	// *ledger.CorruptError, the bucket's.
	Stat(ctx context.Context, cluster string, hour window.Window) (ledger.Entry, error)
}

const (
	manifestName  = "manifest.json"
	reportObjects = "reports/"
)

// ofLaterVersion is the error of an object that this program must not replace.
func (s stored[R]) ofLaterVersion() error {
	if later := (*VersionError)(nil); errors.As(s.broken, &later) {
		return later
	}
	return nil
}

// Rebuild makes the index again from the hours of the ledger and the manifests
// of the reports, while others may go on writing. Hours and manifests that
// can't be read are left out; they are named in the error, which comes when all
// the rest is done.
func (x *Index) Rebuild(ctx context.Context, source Ledger) error {
	return errors.Join(x.rebuildHours(ctx, source), x.rebuildReports(ctx))
}

func (x *Index) rebuildHours(ctx context.Context, source Ledger) error {
	months, err := x.clusterMonths(ctx, hoursPrefix)
	if err != nil {
		return err
	}
	wanted := map[clusterMonth]bool{}
	for _, m := range months {
		wanted[m] = true
	}
	for object, err := range source.All(ctx) {
		if err != nil {
			return fmt.Errorf("rebuild index: %w", err)
		}
		from := object.Window.From
		wanted[clusterMonth{object.Cluster, time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)}] = true
	}
	var unreadable []error
	for _, m := range slices.SortedFunc(maps.Keys(wanted), clusterMonth.compare) {
		// What is in the index is read before the ledger is listed: an hour
		// that is added in between changes the index too, and so makes the
		// update begin again.
		var skipped []error
		err := update(ctx, x, hours(), hoursKey(m.cluster, m.month), func(old stored[HourRecord]) (next []HourRecord, err error) {
			if err := old.ofLaterVersion(); err != nil {
				return nil, err
			}
			next, skipped, err = hoursOf(ctx, source, m)
			return next, err
		})
		if err != nil {
			return fmt.Errorf("rebuild index: %w", err)
		}
		unreadable = append(unreadable, skipped...)
	}
	return errors.Join(unreadable...)
}

func (m clusterMonth) compare(o clusterMonth) int {
	return strings.Compare(hoursKey(m.cluster, m.month), hoursKey(o.cluster, o.month))
}

// hoursOf makes the records of a cluster's month from the ledger.
func hoursOf(ctx context.Context, source Ledger, m clusterMonth) (found []HourRecord, skipped []error, err error) {
	w := window.Window{From: m.month, To: m.month.AddDate(0, 1, 0)}
	for object, err := range source.List(ctx, m.cluster, w) {
		if err != nil {
			return nil, nil, err
		}
		entry, err := source.Stat(ctx, m.cluster, object.Window)
		if corrupt := (*ledger.CorruptError)(nil); errors.As(err, &corrupt) {
			skipped = append(skipped, err)
			continue
		}
		if errors.Is(err, ledger.ErrHourMissing) {
			continue // deleted since it was listed
		}
		if err != nil {
			return nil, nil, err
		}
		found = append(found, Hour(entry))
	}
	return found, skipped, nil
}

func (x *Index) rebuildReports(ctx context.Context) error {
	names, err := x.ReportNames(ctx)
	if err != nil {
		return err
	}
	for object, err := range x.bucket.List(ctx, reportObjects) {
		if err != nil {
			return fmt.Errorf("rebuild index: list %s: %w", reportObjects, err)
		}
		if parts, ok := manifestParts(object.Key); ok {
			names = append(names, parts[0])
		}
	}
	slices.Sort(names)
	var unreadable []error
	for _, name := range slices.Compact(names) {
		var skipped []error
		err := update(ctx, x, reports(), reportsKey(name), func(old stored[ReportRecord]) (next []ReportRecord, err error) {
			if err := old.ofLaterVersion(); err != nil {
				return nil, err
			}
			next, skipped, err = x.reportsOf(ctx, name)
			return next, err
		})
		if err != nil {
			return fmt.Errorf("rebuild index: %w", err)
		}
		unreadable = append(unreadable, skipped...)
	}
	return errors.Join(unreadable...)
}

// manifestParts splits reports/<name>/<period>/<id>/manifest.json.
func manifestParts(key string) (parts [3]string, ok bool) {
	split := strings.Split(strings.TrimPrefix(key, reportObjects), "/")
	if len(split) != 4 || split[3] != manifestName {
		return parts, false
	}
	return [3]string(split[:3]), true
}

// reportsOf makes the records of a name's reports from their manifests.
func (x *Index) reportsOf(ctx context.Context, name string) (found []ReportRecord, skipped []error, err error) {
	prefix := reportObjects + name + "/"
	for object, err := range x.bucket.List(ctx, prefix) {
		if err != nil {
			return nil, nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		parts, ok := manifestParts(object.Key)
		if !ok {
			continue
		}
		data, _, err := bucket.ReadAll(ctx, x.bucket, object.Key)
		if errors.Is(err, bucket.ErrNotFound) {
			continue // deleted since it was listed
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read manifest: %w", err)
		}
		record, err := readManifest(object.Key, parts, data)
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		found = append(found, record)
	}
	number(found)
	return found, skipped, nil
}

// readManifest makes a record of a manifest, without its revision.
func readManifest(key string, parts [3]string, data []byte) (ReportRecord, error) {
	m, err := report.DecodeManifest(data)
	if err != nil {
		return ReportRecord{}, fmt.Errorf("manifest %s: %w", key, err)
	}
	if parts != [3]string{m.Name, m.Period.Key, m.ID} {
		return ReportRecord{}, fmt.Errorf("manifest %s is of report %s/%s/%s; publish the report again", key, m.Name, m.Period.Key, m.ID)
	}
	r := Report(m, 1)
	r.ManifestSHA256 = sum(data) // also if a later version wrote fields that this one drops
	if field, err := checkReport(reportsKey(m.Name), r); err != nil {
		return ReportRecord{}, fmt.Errorf("manifest %s: %s: %w", key, field, err)
	}
	return r, nil
}

// number gives each report its revision: one more than that of the report that
// it supersedes.
func number(all []ReportRecord) {
	type id struct{ period, id string }
	byID := map[id]*ReportRecord{}
	for i := range all {
		byID[id{all[i].PeriodKey, all[i].ID}] = &all[i]
	}
	for i := range all {
		// No chain is longer than there are reports, unless it is a ring.
		before := byID[id{all[i].PeriodKey, all[i].Supersedes}]
		for n := 0; before != nil && n < len(all); n++ {
			all[i].Revision++
			before = byID[id{before.PeriodKey, before.Supersedes}]
		}
	}
}
