package serve_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// spoil puts something else in place of an object.
func spoil(t *testing.T, b bucket.Bucket, key string, change func(data []byte) []byte) {
	t.Helper()
	data, _, err := bucket.ReadAll(t.Context(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	if data = change(data); data == nil {
		err = b.Delete(t.Context(), key, bucket.Condition{})
	} else {
		_, err = bucket.PutBytes(t.Context(), b, key, data, bucket.Condition{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What may become of an object of the daily table.
func spoilings() map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"a bit flipped": func(data []byte) []byte {
			data = bytes.Clone(data)
			data[len(data)/2] ^= 0x10
			return data
		},
		"cut short":  func(data []byte) []byte { return data[:len(data)/3] },
		"empty":      func([]byte) []byte { return []byte{} },
		"of a proxy": func([]byte) []byte { return []byte("<html>504 Gateway Time-out</html>") },
		"not there":  func([]byte) []byte { return nil },
	}
}

const spoiledDay = "ledger/daily/cluster=eu-1/date=2026-11-19/usage.parquet"

// compacted is a bucket with a day of the daily table. Its hours have objects of
// their own, too, unless they are pruned.
func compacted(t *testing.T, pruned bool) bucket.Bucket {
	t.Helper()
	b := closed(t, instant("2026-11-20T02:05:00Z"), "eu-1")
	r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
	day := window.PeriodDay.Containing(instant("2026-11-19T12:00:00Z"), time.UTC)
	if _, err := r.ledger.Compact(t.Context(), "eu-1", day, ledger.Compaction{}); err != nil {
		t.Fatal(err)
	}
	if pruned {
		for hour := range day.Hours() {
			if err := b.Delete(t.Context(), ledger.Key("eu-1", hour), bucket.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

// Hours that have objects of their own are read there, and the day is made again.
func TestADamagedDayOfTheDailyTableStopsNoReportAndNoFigures(t *testing.T) {
	t.Parallel()
	for name, change := range spoilings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := compacted(t, false)
			whole := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1").csv(t)
			spoil(t, b, spoiledDay, change)
			r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
			r.passes(t, 10*time.Minute)
			if diff := cmp.Diff(whole, r.csv(t)); diff != "" {
				t.Errorf("the report (-want +got)\n%s", diff)
			}
			if got := r.gauge(t, "gputally_project_month_to_date_gpu_hours"); got < 24 {
				t.Errorf("the figures are %v GPU-hours", got)
			}
			if name != "not there" && !strings.Contains(r.log.String(), "A day of the daily table can't be read") {
				t.Errorf("nobody names it\n%s", r.log)
			}
			if n := r.logged("can't be read"); n > 1 {
				t.Errorf("it is named %d times\n%s", n, r.log)
			}
			r.passes(t, time.Hour)
			if _, err := r.ledger.Compact(t.Context(), "eu-1", window.PeriodDay.Containing(instant("2026-11-19T12:00:00Z"), time.UTC), ledger.Compaction{}); err != nil {
				t.Errorf("it is not made again: %v", err)
			}
			if name != "not there" && r.logged("Made a damaged day of the daily table again") != 1 {
				t.Errorf("it is not made again\n%s", r.log)
			}
		})
	}
}

// csv are the reports that are made at once, as they are stored.
func (r *replica) csv(t *testing.T) (all []string) {
	t.Helper()
	r.server.Round(t.Context())
	all = append(all, r.reports(t)...)
	for object, err := range r.bucket.List(t.Context(), "reports/") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(object.Key, ".csv") {
			data, _, err := bucket.ReadAll(t.Context(), r.bucket, object.Key)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(data))
		}
	}
	return all
}

// Hours that only the damaged day has are closed again as far as samples reach; the
// others are left out once the report's deadline has passed.
func TestHoursThatOnlyADamagedDayHas(t *testing.T) {
	t.Parallel()
	for name, change := range spoilings() {
		if name == "not there" {
			continue // nobody knows what was in it; ledger verify says so
		}
		// Without some, the edges between the others can't be known.
		for samples, want := range map[string]float64{"all hours": 24, "six of them": 0} {
			t.Run(name+", with samples of "+samples, func(t *testing.T) {
				t.Parallel()
				b := compacted(t, true)
				spoil(t, b, spoiledDay, change)
				r := newReplica(t, b, instant("2026-11-20T02:05:00Z"), "eu-1")
				if want < 24 {
					r.fault = func(_ string, hour window.Window) error {
						if hour.From.Before(instant("2026-11-19T18:00:00Z")) {
							return errors.New("two samples at one time")
						}
						return nil
					}
				}
				r.server.Round(t.Context())
				if got := r.gauge(t, "gputally_project_month_to_date_gpu_hours"); got < 1 {
					t.Errorf("the figures are %v GPU-hours", got)
				}
				r.passes(t, 30*time.Minute)
				made := slices.Contains(r.reports(t), "2026-11-19 1 Ready")
				if made != (want == 24) {
					t.Fatalf("before the deadline the reports are %q\n%s", r.reports(t), r.log)
				}
				r.passes(t, 7*time.Hour)
				if got := r.gauge(t, "gputally_project_month_to_date_gpu_hours"); got != want+9 {
					t.Errorf("the figures are %v GPU-hours, want %v and those of the next day", got, want)
				}
				if diff := cmp.Diff([]string{"2026-11-19 1 Ready"}, r.reports(t)); diff != "" {
					t.Errorf("(-want +got)\n%s\n%s", diff, r.log)
				}
			})
		}
	}
}
