package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/ledger"
)

// readAll reads the object of the small hour in every way.
func readAll(t *testing.T, data []byte) error {
	t.Helper()
	b := empty()
	overwrite(t, b, hourKey, data)
	l := ledger.New(b, ledger.Config{})
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	_, err := l.Stat(context.Background(), "prod", hour)
	_, _, whole := l.Hour(context.Background(), "prod", hour)
	_, streamed := collect(l, hour)
	if fmt.Sprint(err) != fmt.Sprint(whole) || fmt.Sprint(err) != fmt.Sprint(streamed) {
		t.Fatalf("Stat says %v, Hour %v, Segments %v", err, whole, streamed)
	}
	return err
}

func TestADamagedObject(t *testing.T) {
	t.Parallel()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	b := empty()
	put(t, b, smallHour(hour))
	whole := read(t, b, hourKey)
	other := empty()
	put(t, other, smallHour(hourAt(t, "2026-11-20T06:00:00Z")))
	tests := map[string]struct {
		data []byte
		want string
	}{
		"empty":                 {nil, "it has no seal"},
		"cut short":             {whole[:len(whole)/2], "it has no seal"},
		"without its last byte": {whole[:len(whole)-1], "its content has changed"},
		"text":                  {[]byte("<html>504 Gateway Time-out</html>"), "it has no seal"},
		"a coverage improved":   {bytes.Replace(whole, []byte("3600000"), []byte("9600000"), 1), "its content has changed"},
		"another hour's":        {read(t, other, strings.Replace(hourKey, "hour=05", "hour=06", 1)), "it holds 2026-11-20T06:00:00Z"},
		"without revision":      {reseal(t, bytes.Replace(whole, []byte("gputally.revision"), []byte("gputally.rev-sion"), 1)), "footer lacks gputally.revision"},
		"a coverage in words":   {reseal(t, bytes.Replace(whole, []byte("3600000"), []byte("36ooooo"), 1)), `parsing "36ooooo"`},
		"sealed text":           {reseal(t, []byte("gputally.sha256\x18@"+strings.Repeat("0", 64))), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := readAll(t, tt.data)
			var corrupt *ledger.CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{tt.want, hourKey, "restate the hour 2026-11-20T05:00:00Z of cluster prod with gputally-reporter close --restate --cluster=prod --from=2026-11-20T05 --to=2026-11-20T06"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

func flip(data []byte, at int) []byte {
	changed := bytes.Clone(data)
	changed[at] ^= 0x40
	return changed
}

func TestRestatingRepairsADamagedObject(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	put(t, b, h)
	h.Source = "dcgm"
	put(t, b, h)
	damaged := flip(read(t, b, hourKey), 20) // a page; the footer is whole and says what the hour says
	overwrite(t, b, hourKey, damaged)

	entry := put(t, b, h)
	if entry.Revision != 3 {
		t.Errorf("revision %d, want 3", entry.Revision)
	}
	left := "ledger/history/cluster=prod/date=2026-11-20/hour=05/revision=2/usage.parquet.damaged"
	if diff := cmp.Diff([]string{historyKey, left, hourKey}, keys(t, b, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if !bytes.Equal(damaged, read(t, b, left)) {
		t.Error("the history does not hold what was left")
	}
}

func TestAnObjectOfALaterSchemaIsNotTouched(t *testing.T) {
	t.Parallel()
	b := empty()
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	put(t, b, h)
	// In the footer the key is followed by the field's header, the length and the value.
	later := reseal(t, bytes.Replace(read(t, b, hourKey), []byte("gputally.schema\x18\x011"), []byte("gputally.schema\x18\x012"), 1))
	overwrite(t, b, hourKey, later)

	l := ledger.New(b, ledger.Config{})
	_, statErr := l.Stat(context.Background(), "prod", h.Window)
	_, putErr := l.Put(context.Background(), h)
	for _, err := range []error{statErr, putErr} {
		var schema *ledger.SchemaError
		if !errors.As(err, &schema) || schema.Schema != 2 || schema.Key != hourKey {
			t.Errorf("got %v", err)
		}
	}
	if !bytes.Equal(later, read(t, b, hourKey)) {
		t.Error("the object was replaced")
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	b := empty()
	hour := hourAt(t, "2026-11-20T05:00:00Z")
	put(t, b, smallHour(hour))
	whole := read(t, b, hourKey)
	l := ledger.New(b, ledger.Config{})
	check := func(data []byte, what string) {
		overwrite(t, b, hourKey, data)
		if _, err := l.Stat(context.Background(), "prod", hour); !errors.As(err, new(*ledger.CorruptError)) {
			t.Errorf("%s of %d bytes: got %v", what, len(whole), err)
		}
	}
	for at := range whole {
		check(flip(whole, at), fmt.Sprintf("byte %d changed", at))
		check(whole[:at], fmt.Sprintf("cut after %d", at))
	}
}

// reseal makes a changed object whole, as only another program would.
func reseal(t *testing.T, data []byte) []byte {
	t.Helper()
	if !bytes.Contains(data, []byte("gputally.sha256\x18@")) {
		t.Fatal("the object has no seal")
	}
	return forge(data)
}
