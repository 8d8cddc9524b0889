package index

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// doRebuild mends what Verify finds.
const doRebuild = "make the index again with gputally-reporter index rebuild"

// Verify yields what the index says of a cluster's hours in a window otherwise
// than the ledger does. Hours that can't be read are left to the ledger's own
// verification. Errors: yield's, the ledger's, the bucket's.
func (x *Index) Verify(ctx context.Context, source Ledger, cluster string, w window.Window, yield func(ledger.Finding) error) error {
	known, err := x.Hours(ctx, cluster, w)
	record, later := (*RecordError)(nil), (*VersionError)(nil)
	switch {
	case errors.As(err, &record):
		return yield(ledger.Finding{Kind: ledger.Damaged, Object: record.Key, What: strings.TrimPrefix(fmt.Sprintf("%s: %v", record.Field, record.Err), ": "), Do: doRebuild})
	case errors.As(err, &later):
		return yield(ledger.Finding{Kind: ledger.Damaged, Object: later.Key, What: fmt.Sprintf("its version is %d", later.Version), Do: "use the version of gputally that wrote it, or a later one"})
	case err != nil:
		return err
	}
	says := map[window.Window]HourRecord{}
	for _, h := range known {
		says[h.Window()] = h
	}
	differs := func(hour window.Window, what string) error {
		return yield(ledger.Finding{Kind: ledger.Index, Object: hoursKey(cluster, hour.From), Hour: hour, What: what, Do: doRebuild})
	}
	for object, err := range source.List(ctx, cluster, w) {
		if err != nil {
			return err
		}
		have, ok := says[object.Window]
		delete(says, object.Window)
		entry, err := source.Stat(ctx, cluster, object.Window)
		if errors.As(err, new(*ledger.CorruptError)) || errors.As(err, new(*ledger.SchemaError)) || errors.Is(err, ledger.ErrHourMissing) {
			continue
		}
		if err != nil {
			return err
		}
		var what string
		want := Hour(entry)
		if have.Coverage.Late == 0 {
			want.Coverage.Late = 0 // written by a version whose records did not have it
		}
		switch {
		case !ok:
			what = "it does not know hour " + instantText(object.Window)
		case have.Revision != want.Revision:
			what = fmt.Sprintf("it has revision %d of hour %s, whose revision is %d", have.Revision, instantText(object.Window), want.Revision)
		case have != want:
			what = "it says something else of hour " + instantText(object.Window) + " than the hour's footer does"
		default:
			continue
		}
		if err := differs(object.Window, what); err != nil {
			return err
		}
	}
	for _, h := range known {
		if _, left := says[h.Window()]; !left {
			continue
		}
		if err := differs(h.Window(), "it knows hour "+instantText(h.Window())+", which is not in the ledger"); err != nil {
			return err
		}
	}
	return nil
}

func instantText(hour window.Window) string { return hour.From.Format(time.RFC3339) }
