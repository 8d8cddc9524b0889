package sealed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gputally/gputally/reporter/ledger/sealed"
	"github.com/gputally/gputally/reporter/usage"
)

// segments are n rows, no two of them the same.
func segments(n int) []usage.Segment {
	all := make([]usage.Segment, n)
	for i := range all {
		all[i] = usage.Segment{
			Cluster: "prod", Node: fmt.Sprintf("node-%d", i/8), UUID: fmt.Sprintf("GPU-%d", i), State: usage.Allocated, Pod: fmt.Sprintf("job-%d", i%3),
			HeldFrom: int64(i), HeldTo: int64(i + 1), Share: 1 / float64(i+1), GPUMillis: int64(i * i), EnergyMillijoules: -int64(i),
		}
	}
	return all
}

// file is the rows in row groups of group rows each.
func file(t testing.TB, rows []usage.Segment, group int, pairs map[string]string) []byte {
	t.Helper()
	zstd, err := sealed.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	e := sealed.NewEncoder[sealed.Row]("1.2.3", zstd)
	for i, s := range rows {
		if err := e.Add(sealed.Row(s)); err != nil {
			t.Fatal(err)
		}
		if i%group == group-1 {
			if err := e.EndGroup(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if e.Rows() != int64(len(rows)) {
		t.Errorf("the encoder has %d rows", e.Rows())
	}
	content, err := e.Finish(pairs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(content.Body())
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(data); content.SHA256 != hex.EncodeToString(sum[:]) || content.Size != int64(len(data)) {
		t.Errorf("the content has size %d and SHA-256 %s", content.Size, content.SHA256)
	}
	return data
}

func all(t testing.TB, rows sealed.Rows) []usage.Segment {
	t.Helper()
	var got []usage.Segment
	if err := rows.Segments(func(part []usage.Segment) error { got = append(got, part...); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	t.Parallel()
	want := segments(2500)
	data := file(t, want, 1000, map[string]string{"gputally.road": "json"})
	if !bytes.Equal(data, file(t, want, 1000, map[string]string{"gputally.road": "json"})) {
		t.Error("the same rows gave other bytes")
	}
	f, err := sealed.OpenSegments(data)
	if err != nil {
		t.Fatal(err)
	}
	if road, ok := f.Lookup("gputally.road"); !ok || road != "json" {
		t.Errorf("the footer says %q, %v", road, ok)
	}
	if diff := cmp.Diff(want, all(t, f.Rows())); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	scan, n := f.Rows().Scan(usage.Columns{Texts: []usage.Text{usage.TextUUID}, Numbers: []usage.Number{usage.NumberGPU}}), 0
	var b usage.Batch
	for err = scan.Next(&b); err == nil; err = scan.Next(&b) {
		for row := range b.Rows {
			if s := want[n]; string(b.Texts[usage.TextUUID].Of(row)) != s.UUID || b.Numbers[usage.NumberGPU][row] != s.GPUMillis {
				t.Fatalf("row %d was scanned as another", n)
			}
			n++
		}
	}
	if !errors.Is(err, io.EOF) || n != len(want) {
		t.Errorf("scanned %d rows, %v", n, err)
	}
}

func TestRowsAreTakenByWholeRowGroups(t *testing.T) {
	t.Parallel()
	want := segments(2500)
	f, err := sealed.OpenSegments(file(t, want, 1000, map[string]string{}))
	if err != nil {
		t.Fatal(err)
	}
	first, rest, err := f.Rows().Take(2000)
	if err != nil || first.Count() != 2000 || rest.Count() != 500 {
		t.Fatalf("took %d and left %d, %v", first.Count(), rest.Count(), err)
	}
	if got := append(all(t, first), all(t, rest)...); !slices.Equal(got, want) {
		t.Error("the parts are not the whole")
	}
	for _, n := range []int64{1, 999, 1500, 2501} {
		if _, _, err := f.Rows().Take(n); err == nil {
			t.Errorf("took %d rows", n)
		}
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	data := file(t, segments(3), 1000, map[string]string{})
	for at := range data {
		broken := bytes.Clone(data)
		broken[at] ^= 1
		if _, err := sealed.OpenSegments(broken); !errors.As(err, new(*sealed.DamagedError)) {
			t.Fatalf("byte %d of %d: %v", at, len(data), err)
		}
	}
	if _, err := sealed.OpenEdges(data); !errors.As(err, new(*sealed.DamagedError)) {
		t.Errorf("segments were opened as edges: %v", err)
	}
}

// The digest is part of the format: footers and names of edges have it.
func TestTheDigestOfRowsStays(t *testing.T) {
	t.Parallel()
	d := sealed.NewDigest()
	if got, want := d.Sum(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; got != want {
		t.Errorf("no rows have the digest %s, want %s", got, want)
	}
	for _, s := range segments(3) {
		d.Segment(&s)
	}
	d.Edge(&usage.Edge{UUID: "GPU-1", Pod: "a/b", Container: "c", Start: 5, Total: [6]int64{1, 2, 3, 4, 5, 6}})
	if got, want := d.Sum(), "09f4f927ac21219293e038b679133fa4106a3ecd6106445c3c253a4d1b011c9f"; got != want {
		t.Errorf("the digest is %s, want %s", got, want)
	}
}
