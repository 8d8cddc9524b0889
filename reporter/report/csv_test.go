package report_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gputally/gputally/reporter/report"
)

func TestCellsAreQuotedAsTheStandardLibraryQuotesThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a \",\r\n\\.\u00a0")))).Draw(rt, "text")
		var out strings.Builder
		w := csv.NewWriter(&out)
		if err := w.Write([]string{"x", text}); err != nil {
			rt.Fatal(err)
		}
		w.Flush()
		if got, want := "x,"+report.AppendCell(text)+"\n", out.String(); got != want {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestNumbersAreRoundedTheSameBothWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.OneOf(rapid.Int64Min(0), rapid.Int64Range(0, 1e10)).Draw(rt, "n")
		unit := rapid.SampledFrom([]int64{8, 3_600_000, 3_600_000_000, 3600 << 30}).Draw(rt, "unit")
		fast, slow := report.Rounded(n, unit, rapid.SampledFrom([]int{1, 2, 6}).Draw(rt, "places"))
		if fast != slow {
			rt.Fatalf("%d ÷ %d: %s and %s", n, unit, fast, slow)
		}
	})
}

func TestFixedWritesEveryWholeNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0.000", 1: "0.001", -1: "-0.001", 999: "0.999", 1000: "1.000", -123456: "-123.456",
		math.MaxInt64: "9223372036854775.807", math.MinInt64: "-9223372036854775.808",
	} {
		if got := report.Fixed(n, 3); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64().Draw(rt, "n")
		back, ok := new(big.Int).SetString(strings.Replace(report.Fixed(n, 6), ".", "", 1), 10)
		if !ok || back.Int64() != n {
			rt.Fatalf("%d became %s", n, report.Fixed(n, 6))
		}
	})
}

// What stores a file may read any part of it again, after a request that failed.
func TestCSVFileCanBeReadFromAnyPlace(t *testing.T) {
	t.Parallel()
	table := roll(t, spec(report.ByPod), fleet(), projects(t), book(t))
	var whole bytes.Buffer
	if err := table.WriteCSV(&whole); err != nil {
		t.Fatal(err)
	}
	file := table.CSV()
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(0, whole.Len()).Draw(rt, "at")
		if n, err := file.Seek(int64(at), io.SeekStart); err != nil || n != int64(at) {
			rt.Fatal(n, err)
		}
		part := make([]byte, rapid.IntRange(0, 300).Draw(rt, "bytes"))
		n, err := io.ReadFull(file, part)
		if err != nil && at+len(part) <= whole.Len() {
			rt.Fatal(err)
		}
		if !bytes.Equal(part[:n], whole.Bytes()[at:at+n]) {
			rt.Fatalf("at %d: got %q", at, part[:n])
		}
	})
	if _, err := file.Seek(int64(whole.Len())+1, io.SeekStart); err == nil {
		t.Error("there is something behind the end")
	}
	if _, err := file.Seek(-1, io.SeekStart); err == nil {
		t.Error("there is something before the beginning")
	}
	if n, err := file.Seek(0, io.SeekStart); n != 0 || err != nil {
		t.Error(n, err)
	}
	if all, err := io.ReadAll(file); err != nil || !bytes.Equal(all, whole.Bytes()) {
		t.Errorf("%v: %d bytes of %d", err, len(all), whole.Len())
	}
	if n, err := file.Seek(-3, io.SeekEnd); err != nil || n != int64(whole.Len())-3 {
		t.Error(n, err)
	}
}
