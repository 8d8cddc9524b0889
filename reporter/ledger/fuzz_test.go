package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gputally/gputally/reporter/ledger"
	"github.com/gputally/gputally/reporter/window"
)

// forge gives data a seal that holds, if it has the place for one.
func forge(data []byte) []byte {
	i := bytes.LastIndex(data, []byte("gputally.sha256\x18@"))
	if i < 0 || i+len("gputally.sha256\x18@")+64 > len(data) {
		return data
	}
	at := i + len("gputally.sha256\x18@")
	sealed := slices.Concat(data[:at], bytes.Repeat([]byte("0"), 64), data[at+64:])
	sum := sha256.Sum256(sealed)
	copy(sealed[at:], hex.EncodeToString(sum[:]))
	return sealed
}

// Whatever is in an object, even behind a seal that holds: what comes back is an
// hour or one of the ledger's errors.
func FuzzObjects(f *testing.F) {
	b := empty()
	hour := hourAt(f, "2026-11-20T05:00:00Z")
	closeWith(f, b, hour, edgesAt(1), edgesAt(2))
	if _, err := ledger.New(b, ledger.Config{}).Compact(context.Background(), "prod", theDay(f), ledger.Compaction{Partial: true}); err != nil {
		f.Fatal(err)
	}
	edges := keys(f, b, "ledger/edges/cluster=prod/date=2026-11-20/hour=05/")[0]
	whole := read(f, b, hourKey)
	for _, key := range []string{hourKey, dayKey, edges} {
		data := read(f, b, key)
		f.Add(data)
		f.Add(data[:len(data)/2])
		for at := 0; at < len(data); at += 397 {
			f.Add(flip(data, at))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = forge(data)
		for _, key := range []string{hourKey, dayKey, edges} {
			store := empty()
			if key == edges {
				overwrite(t, store, hourKey, whole)
			}
			overwrite(t, store, key, data)
			l, ctx := ledger.New(store, ledger.Config{}), context.Background()
			_, _, err := l.Hour(ctx, "prod", hour)
			fine(t, err)
			_, err = l.Session().Neighbours(ctx, "prod", window.Hour(hour.To))
			fine(t, err)
			_, _, err = l.Session().Edges(ctx, "prod", hour)
			fine(t, err)
			fine(t, l.Verify(ctx, "prod", ledger.Verification{Window: theDay(t)}, func(ledger.Finding) error { return nil }))
		}
	})
}

// fine fails unless the error is one that tells the operator what to do.
func fine(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, ledger.ErrHourMissing) || errors.As(err, new(*ledger.CorruptError)) ||
		errors.As(err, new(*ledger.SchemaError)) || errors.As(err, new(*ledger.EdgesError)) {
		return
	}
	t.Errorf("got %v", err)
}

// What slips through a seal by one bit is found by Verify or changes nothing
// that is read: the rows have a digest, too.
func TestEveryForgedBitIsFoundOrHarmless(t *testing.T) {
	t.Parallel()
	b := empty()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	put(t, b, trueHour(hour))
	whole := read(t, b, hourKey)
	l, ctx := ledger.New(b, ledger.Config{}), context.Background()
	want, _, err := l.Hour(ctx, "prod", hour)
	if err != nil {
		t.Fatal(err)
	}
	seal := bytes.Index(whole, []byte("gputally.sha256"))
	for at := range seal {
		overwrite(t, b, hourKey, forge(flip(whole, at)))
		got, _, err := l.Hour(ctx, "prod", hour)
		if err != nil {
			fine(t, err)
			continue
		}
		if slices.Equal(want.Segments, got.Segments) {
			continue
		}
		if found := findings(t, b, ledger.Verification{Window: hour}); len(found) == 0 || !strings.Contains(found[0], hourKey) {
			t.Errorf("byte %d of %d: the rows are others, and found is %q", at, len(whole), found)
		}
	}
}
