package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/ledger"
)

// Objects are made in chunks of 64 KiB. The seal may lie across two of them, and
// the end of the object on the border.
func TestObjectsWhoseSealLiesAnywhere(t *testing.T) {
	t.Parallel()
	const chunk = 64 << 10
	mark := []byte("gputally.sha256\x18@")
	h := smallHour(hourAt(t, "2026-11-20T05:00:00Z"))
	first := empty()
	put(t, first, h)
	short := read(t, first, hourKey)
	road, seal := len(h.Road), bytes.LastIndex(short, mark)
	across, ends := 0, 0
	var lengths []int
	for n := range 120 { // lengths in the footer take two bytes more
		lengths = append(lengths, chunk-len(short)-60+n, chunk-seal-100+n)
	}
	for _, length := range lengths {
		b := empty()
		h.Road = strings.Repeat("r", road+length)
		entry := put(t, b, h)
		data := read(t, b, hourKey)
		if sum := sha256.Sum256(data); entry.SHA256 != hex.EncodeToString(sum[:]) || entry.Size != int64(len(data)) {
			t.Fatalf("length %d: the entry is of another object: %+v", length, entry)
		}
		got, _, err := ledger.New(b, ledger.Config{}).Hour(context.Background(), "prod", h.Window)
		if err != nil {
			t.Fatalf("length %d: %v", length, err)
		}
		if length%32 == 0 {
			if diff := cmp.Diff(h, got); diff != "" {
				t.Errorf("length %d (-put +got):\n%s", length, diff)
			}
		}
		if at := bytes.LastIndex(data, mark) + len(mark); at < chunk && at+64 > chunk {
			across++
		}
		if len(data) == chunk {
			ends++
		}
	}
	if across != 63 || ends != 1 {
		t.Errorf("%d objects had their seal across two chunks and %d ended on the border", across, ends)
	}
}

// What a crash left in the history is told from what is to be there by all of its
// bytes.
func TestTheHistoryIsComparedToTheLastByte(t *testing.T) {
	t.Parallel()
	h := randomHour(hourAt(t, "2026-11-20T05:00:00Z"), 3_000)
	first := empty()
	put(t, first, h)
	whole := read(t, first, hourKey)
	if len(whole) < 2*64<<10 {
		t.Fatalf("%d bytes are too few for several chunks", len(whole))
	}
	for name, tt := range map[string]struct {
		left []byte
		want string
	}{
		"the same":                     {whole, ""},
		"another byte at the end":      {flip(whole, len(whole)-1), "differs from revision 1"},
		"another byte in the middle":   {flip(whole, 100_000), "differs from revision 1"},
		"shorter":                      {whole[:len(whole)-1], "differs from revision 1"},
		"nothing":                      {nil, "differs from revision 1"},
		"longer, and else all of this": {append(bytes.Clone(whole), 0), "differs from revision 1"},
	} {
		b := empty()
		put(t, b, h)
		if _, err := bucket.PutBytes(context.Background(), b, historyKey, tt.left, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
		restated := h
		restated.Source = "dcgm"
		_, err := ledger.New(b, ledger.Config{Version: "1.2.3"}).Put(context.Background(), restated)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
