package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/usage"
	"github.com/gputally/gputally/reporter/window"
)

// movedMillis is the time for which two clusters may both have a GPU that moved
// from one to the other: what a restart hides.
const movedMillis = int64(5 * time.Minute / time.Millisecond)

const doSelect = "look whether the clusters read the same series (prometheus.selector), then restate the hour of the cluster that the GPU is not of"

// VerifyClusters compares the closed hours of clusters in a window and yields the
// GPUs that more than one of them has for the same time, so that both count them.
// An hour that can't be read is left to Verify. Memory is the GPUs of an hour of
// all clusters, and a day's object of each. With only, one of the clusters of a
// finding is named there. Errors: yield's, the bucket's.
func (l *Ledger) VerifyClusters(ctx context.Context, clusters, only []string, w window.Window, yield func(Finding) error) error {
	if len(clusters) < 2 {
		return nil
	}
	closed := map[window.Window][]string{} // the clusters that have the hour
	for _, cluster := range clusters {
		for object, err := range l.List(ctx, cluster, w) {
			if err != nil {
				return fmt.Errorf("verify clusters: %w", err)
			}
			closed[object.Window] = append(closed[object.Window], cluster)
		}
	}
	maps.DeleteFunc(closed, func(_ window.Window, names []string) bool { return len(names) < 2 })
	r := l.Reader(nil, nil)
	for _, hour := range slices.SortedFunc(maps.Keys(closed), func(a, b window.Window) int { return a.From.Compare(b.From) }) {
		gpus := sightings{}
		for _, cluster := range closed[hour] {
			err := gpus.add(ctx, r, cluster, hour)
			if err != nil && !errors.Is(err, ErrHourMissing) && !errors.As(err, new(*CorruptError)) && !errors.As(err, new(*SchemaError)) {
				return fmt.Errorf("verify clusters: %w", err)
			}
		}
		for _, f := range gpus.findings(hour, only) {
			if err := yield(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// sightings are the GPUs of an hour by UUID.
type sightings map[string]*sighting

type sighting struct {
	clusters []string // that have it
	millis   int64    // for which they have it, together
}

// add adds the GPUs of a cluster's hour. Errors: as Reader.Scan.
func (g sightings) add(ctx context.Context, r *Reader, cluster string, hour window.Window) error {
	scan, err := r.Scan(ctx, cluster, hour, usage.Columns{
		Texts: []usage.Text{usage.TextUUID, usage.TextState}, Numbers: []usage.Number{usage.NumberGPU},
	})
	if err != nil {
		return err
	}
	var b usage.Batch
	for {
		switch err := scan.Next(&b); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		for row := range b.Rows {
			uuid := b.Texts[usage.TextUUID].Of(row)
			if len(uuid) == 0 || string(b.Texts[usage.TextState].Of(row)) == string(usage.Absent) {
				continue
			}
			s := g[string(uuid)]
			if s == nil {
				s = &sighting{}
				g[string(uuid)] = s
			}
			if n := len(s.clusters); n == 0 || s.clusters[n-1] != cluster {
				s.clusters = append(s.clusters, cluster)
			}
			s.millis += b.Numbers[usage.NumberGPU][row]
		}
	}
}

// findings are the GPUs that several clusters have for more than the hour, one
// finding for each set of clusters.
func (g sightings) findings(hour window.Window, only []string) []Finding {
	asked := func(cluster string) bool { return len(only) == 0 || slices.Contains(only, cluster) }
	twice := map[string][]string{}
	for uuid, s := range g {
		if len(s.clusters) > 1 && s.millis > hour.Duration().Milliseconds()+movedMillis && slices.ContainsFunc(s.clusters, asked) {
			names := strings.Join(s.clusters, " and ")
			twice[names] = append(twice[names], uuid)
		}
	}
	var all []Finding
	for names, uuids := range twice {
		slices.Sort(uuids)
		all = append(all, Finding{
			Kind: Duplicate, Object: Key(g[uuids[0]].clusters[0], hour), Hour: hour, Do: doSelect,
			What: fmt.Sprintf("clusters %s both have %s for the same time", names, named(uuids)),
		})
	}
	slices.SortFunc(all, func(a, b Finding) int { return strings.Compare(a.What, b.What) })
	return all
}

// named are a few names, and how many more there are.
func named(all []string) string {
	if more := len(all) - mostNamed; more > 0 {
		all = append(all[:mostNamed:mostNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}
