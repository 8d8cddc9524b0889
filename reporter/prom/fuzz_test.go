package prom_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/gputally/gputally/reporter/series"

	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/reporter/prom"
)

// checkDecoded decodes a stream and checks what no input may break: errors are
// typed, series have sorted labels and rising times within the range.
func checkDecoded(t *testing.T, body []byte) {
	t.Helper()
	const from, to = 100, 1_000_000
	err := prom.DecodeStream(bytes.NewReader(body), from, to, func(s series.Series) error {
		checkSeries(t, s, from, to)
		return nil
	})
	var e *prom.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("error %v is not typed", err)
	}
}

// checkSeries checks that labels are sorted and times rise within the range.
func checkSeries(t *testing.T, s series.Series, from, to int64) {
	t.Helper()
	if len(s.Labels) == 0 || len(s.Samples)+len(s.Stale) == 0 {
		t.Errorf("series %v has %d samples", s.Labels, len(s.Samples))
	}
	for i := 1; i < len(s.Labels); i++ {
		if s.Labels[i-1].Name >= s.Labels[i].Name {
			t.Errorf("labels %v are not sorted", s.Labels)
		}
	}
	times := make([]int64, 0, len(s.Samples))
	for _, sample := range s.Samples {
		times = append(times, sample.T)
	}
	for _, times := range [][]int64{times, s.Stale} {
		if len(times) > 0 && (times[0] < from || times[len(times)-1] > to) {
			t.Errorf("times %v are out of range", times)
		}
		if !slices.IsSorted(times) || len(slices.Compact(slices.Clone(times))) != len(times) {
			t.Errorf("times %v do not rise", times)
		}
	}
}

// FuzzStream garbles whole streams.
func FuzzStream(f *testing.F) {
	ls := labels("__name__", "seconds", "uuid", "GPU-a")
	good := frame(f, part(ls, chunk(f, samples(100, 1, 200, staleMarker)...)))
	f.Add(good)
	f.Add(append(slices.Clone(good), "an error of the server\n"...))
	f.Add(good[:9])
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(checkDecoded)
}

// FuzzMessage garbles messages inside frames that are sound, which the checksum
// otherwise keeps out.
func FuzzMessage(f *testing.F) {
	ls := labels("__name__", "seconds", "uuid", "GPU-a")
	for _, parts := range [][]*prompb.ChunkedSeries{
		{part(ls, chunk(f, samples(100, 1, 200, 2, 300, staleMarker, 400, 4.5)...))},
		{part(ls, chunkAs(f, chunkenc.NewXOR2Chunk(), samples(100, 1, 200, 2, 300, staleMarker, 400, 4.5)...))},
		{part(ls, chunk(f, samples(100, 1)...)), part(ls, chunk(f, samples(100, 1, 150, 2)...))},
	} {
		b, err := (&prompb.ChunkedReadResponse{ChunkedSeries: parts}).Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, message []byte) { checkDecoded(t, rawFrame(message)) })
}

// FuzzChunk garbles the samples of a series that is sound.
func FuzzChunk(f *testing.F) {
	for _, c := range []prompb.Chunk{
		chunk(f, samples(100, 1, 200, 2, 300, staleMarker, 400, 4.5)...),
		chunkAs(f, chunkenc.NewXOR2Chunk(), samples(100, 1, 200, 2, 300, staleMarker, 400, 4.5)...),
	} {
		f.Add(int32(c.Type), c.Data)
	}
	f.Fuzz(func(t *testing.T, encoding int32, data []byte) {
		c := prompb.Chunk{Type: prompb.Chunk_Encoding(encoding), Data: data}
		checkDecoded(t, frame(t, part(labels("__name__", "seconds"), c)))
	})
}
