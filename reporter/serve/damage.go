package serve

import (
	"context"
	"errors"
	"fmt"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/reporting"
	"github.com/gputally/gputally/reporter/task"
	"github.com/gputally/gputally/reporter/window"
)

// damages are closed hours that can't be read from the ledger.
type damages []*reporting.HourError

// add notes one of them. It is a reporting.Tolerance's.
func (d *damages) add(of *reporting.HourError) { *d = append(*d, of) }

// err names the first of them, nil if there are none.
func (d damages) err() error {
	switch len(d) {
	case 0:
		return nil
	case 1:
		return d[0]
	}
	return fmt.Errorf("%w (and %d more hours that can't be read)", d[0], len(d)-1)
}

// unreadable returns which hour an error is about, if the hour's object can't be
// read, and the bucket can.
func unreadable(err error) (of *reporting.HourError, is bool) {
	stopped := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return of, errors.As(err, &of) && !stopped && !ofServer(err)
}

// tolerant makes reports without the hours that can't be read.
func (t *tasks) tolerant(m *reporting.Maker) *reporting.Maker {
	return m.Tolerating(reporting.Tolerance{
		Skip: t.progress.unreadable,
		Hour: func(of *reporting.HourError) { t.damaged(of) },
		Day:  t.damagedDay,
	})
}

// damaged passes on that hours can't be read from the ledger, so that they are
// closed again. It tells whether one of them is new.
func (t *tasks) damaged(hours ...*reporting.HourError) (isNew bool) {
	for _, of := range hours {
		if t.progress.damaged(of.Cluster, of.Hour) {
			isNew = true
			if !t.progress.inDamagedDay(of.Cluster, of.Hour) { // that is named already
				t.log.Error("A closed hour can't be read; it will be closed again from its samples", "cluster", of.Cluster, "hour", of.Hour, "err", of.Err)
			}
			t.runner.Wake(task.ID{Kind: kindClose, Name: of.Cluster})
		}
	}
	return isNew
}

// damagedDay passes on that an object of the daily table can't be read. It is made
// again, unless a later version wrote it.
func (t *tasks) damagedDay(cluster string, day window.Window, err error) {
	again := errors.As(err, new(*ledger.CorruptError))
	if !t.progress.damagedDay(cluster, day, again) {
		return
	}
	t.log.Error("A day of the daily table can't be read; its hours are read in their own objects, and closed again if they have none", "cluster", cluster, "day", day, "err", err)
	if again {
		t.runner.Wake(task.ID{Kind: kindUpkeep, Name: cluster})
	}
}
