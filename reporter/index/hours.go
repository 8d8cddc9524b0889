package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/checksum"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

const (
	hoursPrefix = "index/hours/"
	monthLayout = "2006-01"
)

// HourRecord is a closed hour of a cluster. The JSON names stand in the index,
// and the fields in their order.
type HourRecord struct {
	Cluster  string    `json:"cluster"`
	Coverage Coverage  `json:"coverage"`
	From     time.Time `json:"from"` // UTC
	Key      string    `json:"key"`  // of the ledger's object
	Revision int       `json:"revision"`
	Rows     int64     `json:"rows"`
	SHA256   string    `json:"sha256"` // of the ledger's object
	Size     int64     `json:"size"`   // bytes
	To       time.Time `json:"to"`     // UTC
}

// Coverage is a usage.Coverage, in GPU-milliseconds.
type Coverage struct {
	Absent       int64 `json:"absent_ms"`
	Allocated    int64 `json:"allocated_ms"`
	Estimated    int64 `json:"estimated_ms"`
	Expected     int64 `json:"expected_ms"`
	Late         int64 `json:"late_ms,omitempty"` // 0 in records of before there was the field
	Residue      int64 `json:"residue_ms"`
	Unallocated  int64 `json:"unallocated_ms"`
	Unattributed int64 `json:"unattributed_ms"`
	Unavailable  int64 `json:"unavailable_ms"`
	Uncovered    int64 `json:"uncovered_ms"`
}

// Window is the hour.
func (h HourRecord) Window() window.Window { return window.Window{From: h.From, To: h.To} }

// Hour is the record of an hour of the ledger.
func Hour(e ledger.Entry) HourRecord {
	return HourRecord{
		Cluster: e.Cluster, From: e.Window.From, To: e.Window.To, Key: e.Key,
		Revision: e.Revision, Rows: e.Rows, Size: e.Size, SHA256: e.SHA256, Coverage: coverage(e.Coverage),
	}
}

func coverage(c usage.Coverage) Coverage {
	return Coverage{
		Absent: c.Absent, Allocated: c.Allocated, Estimated: c.Estimated, Expected: c.Expected, Late: c.Late, Residue: c.Residue,
		Unallocated: c.Unallocated, Unattributed: c.Unattributed, Unavailable: c.Unavailable, Uncovered: c.Uncovered,
	}
}

// Usage is the coverage in the ledger's form.
func (c Coverage) Usage() usage.Coverage {
	return usage.Coverage{
		Absent: c.Absent, Allocated: c.Allocated, Estimated: c.Estimated, Expected: c.Expected, Late: c.Late, Residue: c.Residue,
		Unallocated: c.Unallocated, Unattributed: c.Unattributed, Unavailable: c.Unavailable, Uncovered: c.Uncovered,
	}
}

func hoursKey(cluster string, month time.Time) string {
	return hoursPrefix + "cluster=" + cluster + "/" + month.UTC().Format(monthLayout) + ".json"
}

// parseHoursKey reads what hoursKey writes; month is its first instant.
func parseHoursKey(key string) (cluster string, month time.Time, ok bool) {
	rest, _ := strings.CutPrefix(key, hoursPrefix+"cluster=")
	cluster, rest, _ = strings.Cut(rest, "/")
	month, err := time.Parse(monthLayout+".json", rest)
	return cluster, month, err == nil && ledger.CheckCluster(cluster) == nil && hoursKey(cluster, month) == key
}

func hours() kind[HourRecord] {
	return kind[HourRecord]{
		check:   checkHour,
		compare: func(a, b HourRecord) int { return a.From.Compare(b.From) },
	}
}

func checkHour(key string, h HourRecord) (field string, err error) {
	hour := window.Hour(h.From)
	switch {
	case h.Window() != hour:
		return "from", fmt.Errorf("%s is not one hour of UTC", h.Window())
	case hoursKey(h.Cluster, h.From) != key:
		return "cluster", fmt.Errorf("hour %s of cluster %q does not belong here", h.From.Format(time.RFC3339), h.Cluster)
	case h.Key != ledger.Key(h.Cluster, hour):
		return "key", fmt.Errorf("is %q and should be %q", h.Key, ledger.Key(h.Cluster, hour))
	case h.Revision < 1:
		return "revision", fmt.Errorf("is %d", h.Revision)
	case h.Rows < 0:
		return "rows", fmt.Errorf("is %d", h.Rows)
	case h.Size < 0:
		return "size", fmt.Errorf("is %d", h.Size)
	}
	return "sha256", checkSHA256(h.SHA256)
}

func checkSHA256(sum string) error {
	if !checksum.Is(sum) {
		return fmt.Errorf("%q is no SHA-256", sum)
	}
	return nil
}

// PutHour notes an hour that is in the ledger. A record of a higher revision
// that is there already stays. Errors: *ConflictError, *RecordError,
// *VersionError, the bucket's.
func (x *Index) PutHour(ctx context.Context, r HourRecord) error {
	if err := ledger.CheckCluster(r.Cluster); err != nil {
		return fmt.Errorf("update index: %w", err)
	}
	r.From, r.To = r.From.UTC(), r.To.UTC()
	key := hoursKey(r.Cluster, r.From)
	return update(ctx, x, hours(), key, func(old stored[HourRecord]) ([]HourRecord, error) {
		if old.broken != nil {
			return nil, old.broken
		}
		next := slices.Clone(old.records)
		i := slices.IndexFunc(next, func(h HourRecord) bool { return h.From.Equal(r.From) })
		switch {
		case i < 0:
			next = append(next, r)
		case next[i].Revision <= r.Revision:
			next[i] = r
		}
		return next, nil
	})
}

// ForgetHours takes hours out that are no longer in the ledger. Hours that the
// index does not know are no error. Errors: as PutHour.
func (x *Index) ForgetHours(ctx context.Context, cluster string, gone []window.Window) error {
	if err := ledger.CheckCluster(cluster); err != nil {
		return fmt.Errorf("update index: %w", err)
	}
	byMonth := map[string][]time.Time{}
	for _, hour := range gone {
		key := hoursKey(cluster, hour.From)
		byMonth[key] = append(byMonth[key], hour.From.UTC())
	}
	for _, key := range slices.Sorted(maps.Keys(byMonth)) {
		err := update(ctx, x, hours(), key, func(old stored[HourRecord]) ([]HourRecord, error) {
			if old.broken != nil {
				return nil, old.broken
			}
			return slices.DeleteFunc(slices.Clone(old.records), func(h HourRecord) bool {
				return slices.ContainsFunc(byMonth[key], h.From.Equal)
			}), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Hours returns the closed hours of a cluster that overlap the window, oldest
// first. Errors: *RecordError, *VersionError, the bucket's.
func (x *Index) Hours(ctx context.Context, cluster string, w window.Window) ([]HourRecord, error) {
	months, err := x.monthsOf(ctx, cluster, w)
	if err != nil {
		return nil, err
	}
	var found []HourRecord
	for _, month := range months {
		if !month.Before(w.To) || !month.AddDate(0, 1, 0).After(w.From) {
			continue
		}
		all, err := records(ctx, x, hours(), hoursKey(cluster, month))
		if err != nil {
			return nil, err
		}
		for _, h := range all {
			if h.Window().Overlaps(w) {
				found = append(found, h)
			}
		}
	}
	return found, nil
}

// Version names what the index has of a cluster in the month of an instant: it
// changes with each change of these hours, and is "" if there are none. It costs
// one request. Errors: the bucket's.
func (x *Index) Version(ctx context.Context, cluster string, at time.Time) (string, error) {
	if err := ledger.CheckCluster(cluster); err != nil {
		return "", err
	}
	object, err := x.bucket.Stat(ctx, hoursKey(cluster, at))
	if errors.Is(err, bucket.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at the index of cluster %s: %w", cluster, err)
	}
	return object.ETag, nil
}

// WroteAlone tells whether all that changed between two Versions of a cluster in the
// month of an instant was changed by this process, as far as it remembers.
func (x *Index) WroteAlone(cluster string, at time.Time, from, to string) bool {
	return x.written.alone(hoursKey(cluster, at), from, to)
}

// Latest returns the closed hours of a cluster from a time on, oldest first, or the
// last one before it if there are none. Errors: as Hours.
func (x *Index) Latest(ctx context.Context, cluster string, since time.Time) ([]HourRecord, error) {
	months, err := x.months(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var found []HourRecord
	for _, month := range slices.Backward(months) {
		if len(found) > 0 && !month.AddDate(0, 1, 0).After(since) {
			break
		}
		all, err := records(ctx, x, hours(), hoursKey(cluster, month))
		if err != nil {
			return nil, err
		}
		recent := slices.DeleteFunc(slices.Clone(all), func(h HourRecord) bool { return !h.To.After(since) })
		if len(recent) == 0 && len(found) == 0 && len(all) > 0 {
			return all[len(all)-1:], nil
		}
		found = append(recent, found...)
	}
	return found, nil
}

// FirstHour returns the first closed hour of a cluster, if there is one.
// Errors: as Hours.
func (x *Index) FirstHour(ctx context.Context, cluster string) (HourRecord, bool, error) {
	months, err := x.months(ctx, cluster)
	if err != nil {
		return HourRecord{}, false, err
	}
	all, err := x.anyHours(ctx, cluster, months)
	if err != nil || len(all) == 0 {
		return HourRecord{}, false, err
	}
	return all[0], true, nil
}

// FirstOf returns the first closed hour of any of the clusters, if there is one. It
// passes over objects that are damaged, unless there are no others. Errors: as Hours.
func (x *Index) FirstOf(ctx context.Context, clusters []string) (first HourRecord, found bool, err error) {
	all, err := x.clusterMonths(ctx, hoursPrefix)
	if err != nil {
		return first, false, err
	}
	slices.SortFunc(all, func(a, b clusterMonth) int { return a.month.Compare(b.month) })
	var damage error
	for _, m := range all {
		if found && m.month.After(first.From) {
			break
		}
		if !slices.Contains(clusters, m.cluster) {
			continue
		}
		closed, err := records(ctx, x, hours(), hoursKey(m.cluster, m.month))
		if errors.As(err, new(*RecordError)) {
			damage = errors.Join(damage, err)
			continue
		}
		if err != nil {
			return first, false, err
		}
		if len(closed) > 0 && (!found || closed[0].From.Before(first.From)) {
			first, found = closed[0], true
		}
	}
	if found {
		return first, true, nil
	}
	return first, false, damage
}

// LastHour returns the latest closed hour of a cluster, if there is one.
// Errors: as Hours.
func (x *Index) LastHour(ctx context.Context, cluster string) (HourRecord, bool, error) {
	months, err := x.months(ctx, cluster)
	if err != nil {
		return HourRecord{}, false, err
	}
	slices.Reverse(months)
	all, err := x.anyHours(ctx, cluster, months)
	if err != nil || len(all) == 0 {
		return HourRecord{}, false, err
	}
	return all[len(all)-1], true, nil
}

// anyHours are the hours of the first of the months that has some.
func (x *Index) anyHours(ctx context.Context, cluster string, months []time.Time) ([]HourRecord, error) {
	for _, month := range months {
		all, err := records(ctx, x, hours(), hoursKey(cluster, month))
		if err != nil || len(all) > 0 {
			return all, err
		}
	}
	return nil, nil
}

// Clusters returns the clusters that have closed hours, sorted.
func (x *Index) Clusters(ctx context.Context) ([]string, error) {
	all, err := x.clusterMonths(ctx, hoursPrefix)
	if err != nil {
		return nil, err
	}
	var clusters []string
	for _, m := range all {
		clusters = append(clusters, m.cluster)
	}
	slices.Sort(clusters)
	return slices.Compact(clusters), nil
}

// fewMonths is how many months are asked for without a look at which there are.
const fewMonths = 2

// monthsOf are the months that a window is in, or those of the cluster if these
// are many. There may be no object for some.
func (x *Index) monthsOf(ctx context.Context, cluster string, w window.Window) ([]time.Time, error) {
	if err := ledger.CheckCluster(cluster); err != nil {
		return nil, err
	}
	var months []time.Time
	from := w.From.UTC()
	for month := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC); month.Before(w.To); month = month.AddDate(0, 1, 0) {
		if months = append(months, month); len(months) > fewMonths {
			return x.months(ctx, cluster)
		}
	}
	return months, nil
}

// months are those for which a cluster has an object, oldest first.
func (x *Index) months(ctx context.Context, cluster string) ([]time.Time, error) {
	if err := ledger.CheckCluster(cluster); err != nil {
		return nil, err
	}
	all, err := x.clusterMonths(ctx, hoursPrefix+"cluster="+cluster+"/")
	if err != nil {
		return nil, err
	}
	var months []time.Time
	for _, m := range all {
		months = append(months, m.month)
	}
	return months, nil
}

// clusterMonth is what one object is about.
type clusterMonth struct {
	cluster string
	month   time.Time // its first instant, UTC
}

func (x *Index) clusterMonths(ctx context.Context, prefix string) ([]clusterMonth, error) {
	var all []clusterMonth
	for object, err := range x.bucket.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		cluster, month, ok := parseHoursKey(object.Key)
		if !ok {
			return nil, &RecordError{Key: object.Key, Err: errors.New("is not named like an object of the index; move it away")}
		}
		all = append(all, clusterMonth{cluster, month})
	}
	return all, nil
}
