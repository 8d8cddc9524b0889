package bench

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gputally/gputally/cmd/gputally-bench/fleet"
)

// inspect prints what the closing left, and how far it is from the truth.
func (r *run) inspect(ctx context.Context, c closing, bucket, data string) error {
	r.progress("comparing with the truth")
	rows, err := r.rows(ctx, "SELECT count(*) FROM "+hourly(bucket))
	if err != nil {
		return err
	}
	ledger, err := sizeOf(filepath.Join(bucket, "ledger"))
	if err != nil {
		return err
	}
	blocks, err := sizeOf(data)
	if err != nil {
		return err
	}
	r.note("%s segments, %.1f MB of Parquet; the server has %.0f MB of blocks", rows[0][0], float64(ledger)/1e6, float64(blocks)/1e6)
	e, err := r.errors(ctx, c, bucket)
	if err != nil {
		return err
	}
	r.note("%.1f GPU-hours held, off by %+.6f %%; sum of errors per container, GPU and hour %.6f %%, %d of %d are missing",
		e.truth/3.6e6, 100*e.total/e.truth, 100*e.absolute/e.truth, e.missing, e.count)
	return nil
}

// errorsOf sums errors, in GPU-milliseconds.
type errorsOf struct {
	truth, total, absolute float64
	count, missing         int // holdings in an hour
}

// holdingHour is a holding in an hour.
type holdingHour struct {
	pod, uuid string
	hour      int64 // hours since 1970
}

// errors compares the ledger with the fleet, holding by holding and hour by hour.
func (r *run) errors(ctx context.Context, c closing, bucket string) (errorsOf, error) {
	rows, err := r.rows(ctx, "SELECT pod_uid, uuid, epoch_ms(held_from) // 3600000, sum(gpu_ms) FROM "+hourly(bucket)+
		" WHERE state = 'allocated' GROUP BY ALL")
	if err != nil {
		return errorsOf{}, err
	}
	measured := make(map[holdingHour]float64, len(rows))
	for _, row := range rows {
		hour, err1 := strconv.ParseInt(row[2], 10, 64)
		ms, err2 := strconv.ParseFloat(row[3], 64)
		if err1 != nil || err2 != nil {
			return errorsOf{}, fmt.Errorf("DuckDB's answer: %q", row)
		}
		measured[holdingHour{row[0], row[1], hour}] = ms
	}
	f, err := fleet.New(c.fleet)
	if err != nil {
		return errorsOf{}, err
	}
	var e errorsOf
	for hour := c.from; hour.Before(c.to); hour = hour.Add(time.Hour) {
		from, to := hour.UnixMilli(), hour.Add(time.Hour).UnixMilli()
		f.Holdings(hour, hour.Add(time.Hour), func(h *fleet.Holding) {
			key := holdingHour{h.PodUID, h.UUID, from / 3_600_000}
			ms, found := measured[key]
			delete(measured, key)
			e.count++
			if !found {
				e.missing++
			}
			e.add(ms, float64(h.Held(from, to))/1000)
		})
	}
	for _, ms := range measured { // what nobody held
		e.add(ms, 0)
	}
	return e, nil
}

func (e *errorsOf) add(measured, truth float64) {
	e.truth += truth
	e.total += measured - truth
	e.absolute += math.Abs(measured - truth)
}

// sizeOf sums the files below a folder, in bytes.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
