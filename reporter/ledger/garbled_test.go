package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
)

// garbling gives an object with one bit changed, the first times that it is read.
type garbling struct {
	bucket.Bucket
	key   string
	times int
	read  int
	drift bool // each time another bit
}

func (g *garbling) Get(ctx context.Context, key string) (io.ReadCloser, bucket.Object, error) {
	body, object, err := g.Bucket.Get(ctx, key)
	if err != nil || key != g.key || g.read == g.times {
		return body, object, err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, bucket.Object{}, err
	}
	at := 100
	if g.drift {
		at += g.read
	}
	g.read++
	return io.NopCloser(bytes.NewReader(flip(data, at))), object, nil
}

const always = -1

// The hours' own objects are pruned, and one hour was restated: the table of the
// day holds 23 hours that nothing else holds.
func TestADayThatIsReadGarbled(t *testing.T) {
	t.Parallel()
	restated := smallHour(hourAt(t, "2026-11-20T07:00:00Z"))
	restated.Source = "dcgm"
	tests := map[string]struct {
		garbled    garbling
		compaction ledger.Compaction
		hours      int // of the day in the end
		want       string
	}{
		"once":                                    {garbling{times: 1}, ledger.Compaction{Partial: true}, 24, ""},
		"once, and what is lost is given up":      {garbling{times: 1}, ledger.Compaction{GiveUp: true}, 24, ""},
		"always":                                  {garbling{times: always}, ledger.Compaction{Partial: true}, 24, "or with --give-up without them"},
		"always, and all hours are wanted":        {garbling{times: always}, ledger.Compaction{}, 24, "its content has changed"},
		"always, and what is lost is given up":    {garbling{times: always}, ledger.Compaction{GiveUp: true}, 1, ""},
		"otherwise each time":                     {garbling{times: always, drift: true}, ledger.Compaction{Partial: true}, 24, "was read twice, with other bytes each time"},
		"otherwise each time, and it is given up": {garbling{times: always, drift: true}, ledger.Compaction{GiveUp: true}, 24, "was read twice, with other bytes each time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := empty()
			closeDay(t, b)
			compact(t, b)
			remove(t, b, keys(t, b, "ledger/hourly/")...)
			put(t, b, restated)
			before := read(t, b, dayKey)

			tt.garbled.Bucket, tt.garbled.key = b, dayKey
			_, err := ledger.New(&tt.garbled, ledger.Config{Version: "1.2.3"}).Compact(context.Background(), "prod", theDay(t), tt.compaction)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && !bytes.Equal(before, read(t, b, dayKey)) {
				t.Error("it failed, and the day is another")
			}
			remove(t, b, keys(t, b, "ledger/hourly/")...)
			missing, err := ledger.New(b, ledger.Config{}).Missing(context.Background(), "prod", theDay(t))
			if err != nil || 24-len(missing) != tt.hours {
				t.Errorf("the day has %d hours, want %d; %v", 24-len(missing), tt.hours, err)
			}
			left := keys(t, b, "ledger/history/cluster=prod/date=2026-11-20/")
			left = slices.DeleteFunc(left, func(key string) bool { return !strings.HasSuffix(key, ".damaged") })
			if gaveUp := tt.hours < 24; gaveUp != (len(left) == 1) || gaveUp && !bytes.Equal(read(t, b, left[0]), flip(before, 100)) {
				t.Errorf("what is left of damaged days: %q", left)
			}
		})
	}
}

// A day without all of its hours, of which each has an object of its own, says
// no more which hours it had.
func TestADamagedDayIsNotReplacedByOneWithFewerHours(t *testing.T) {
	t.Parallel()
	b := empty()
	closeDay(t, b)
	compact(t, b)
	remove(t, b, ledger.Key("prod", hourAt(t, "2026-11-20T07:00:00Z")))
	damaged := flip(read(t, b, dayKey), 1000)
	overwrite(t, b, dayKey, damaged)
	l := ledger.New(b, ledger.Config{Version: "1.2.3"})
	for _, c := range []ledger.Compaction{{}, {Partial: true}} {
		if _, err := l.Compact(context.Background(), "prod", theDay(t), c); !errors.As(err, new(*ledger.CorruptError)) {
			t.Errorf("%+v: got %v", c, err)
		}
		if !bytes.Equal(damaged, read(t, b, dayKey)) {
			t.Fatalf("%+v: the day was replaced", c)
		}
	}
	if entry, err := l.Compact(context.Background(), "prod", theDay(t), ledger.Compaction{GiveUp: true}); err != nil || entry.Hours != 23 {
		t.Errorf("given up: %+v, %v", entry, err)
	}
}

func TestAnHourThatIsReadGarbledOnceIsRestatedAsAnyOther(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	put(t, b, h)
	whole := read(t, b, hourKey)
	h.Source = "dcgm"
	entry := put(t, &garbling{Bucket: b, key: hourKey, times: 1}, h)
	if entry.Revision != 2 {
		t.Errorf("revision %d, want 2", entry.Revision)
	}
	if diff := cmp.Diff([]string{historyKey, hourKey}, keys(t, b, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if !bytes.Equal(whole, read(t, b, historyKey)) {
		t.Error("the history holds what was read garbled")
	}
}
