package prom_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/reporter/prom"
)

const streamType = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"

var staleMarker = math.Float64frombits(value.StaleNaN)

// labels makes labels from names and values.
func labels(pairs ...string) series.Labels {
	var ls series.Labels
	for pair := range slices.Chunk(pairs, 2) {
		ls = append(ls, series.Label{Name: pair[0], Value: pair[1]})
	}
	return ls
}

// samples makes samples from times and values.
func samples(pairs ...float64) []series.Sample {
	var out []series.Sample
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, series.Sample{T: int64(pair[0]), V: pair[1]})
	}
	return out
}

// chunk encodes samples as the server stores them.
func chunk(tb testing.TB, ss ...series.Sample) prompb.Chunk {
	tb.Helper()
	return chunkAs(tb, chunkenc.NewXORChunk(), ss...)
}

func chunkAs(tb testing.TB, c chunkenc.Chunk, ss ...series.Sample) prompb.Chunk {
	tb.Helper()
	app, err := c.Appender()
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range ss {
		app.Append(0, s.T, s.V)
	}
	return prompb.Chunk{Type: prompb.Chunk_Encoding(c.Encoding()), Data: c.Bytes()}
}

// part is one series of a frame.
func part(ls series.Labels, chunks ...prompb.Chunk) *prompb.ChunkedSeries {
	s := &prompb.ChunkedSeries{Chunks: chunks}
	for _, l := range ls {
		s.Labels = append(s.Labels, prompb.Label{Name: l.Name, Value: l.Value})
	}
	return s
}

// frame encodes series as one frame of a stream.
func frame(tb testing.TB, parts ...*prompb.ChunkedSeries) []byte {
	tb.Helper()
	b, err := (&prompb.ChunkedReadResponse{ChunkedSeries: parts}).Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return rawFrame(b)
}

func rawFrame(message []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(len(message)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(message, crc32.MakeTable(crc32.Castagnoli)))
	return append(b, message...)
}

// stream answers every request with the frames.
func stream(frames ...[]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", streamType)
		for _, f := range frames {
			_, _ = w.Write(f)
		}
	}
}

// inTurn answers the first request with the first handler, and so on; further
// ones with the last.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	turn := make(chan int, 1)
	turn <- 0
	return func(w http.ResponseWriter, r *http.Request) {
		n := <-turn
		turn <- n + 1
		handlers[min(n, len(handlers)-1)](w, r)
	}
}

// asked decodes the query of a remote read.
func asked(tb testing.TB, r *http.Request) *prompb.ReadRequest {
	tb.Helper()
	packed, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Error(err)
	}
	b, err := snappy.Decode(nil, packed)
	if err != nil {
		tb.Error(err)
	}
	req := &prompb.ReadRequest{}
	if err := req.Unmarshal(b); err != nil {
		tb.Error(err)
	}
	return req
}

// serve starts a server for the time of the test and returns its URL.
func serve(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.URL
}

// client returns a client that does not really wait between its tries. It reads
// by remote_read unless the configuration says otherwise.
func client(tb testing.TB, cfg prom.Config) *prom.Client {
	tb.Helper()
	if cfg.Retry.Sleep == nil {
		cfg.Retry.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	if cfg.Road == "" {
		cfg.Road = "remote_read"
	}
	c, err := prom.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// between asks for the GPU-seconds of a range of Unix milliseconds.
func between(from, to int64) series.Query {
	return series.Query{
		From:     time.UnixMilli(from),
		To:       time.UnixMilli(to),
		Matchers: []series.Matcher{{Name: "__name__", Value: "seconds"}},
	}
}

// collect reads everything and copies it.
func collect(tb testing.TB, c *prom.Client, q series.Query) ([]series.Series, error) {
	tb.Helper()
	var all []series.Series
	err := c.Read(tb.Context(), q, func(s series.Series) error {
		all = append(all, series.Series{
			Labels:  slices.Clone(s.Labels),
			Samples: slices.Clone(s.Samples),
			Stale:   slices.Clone(s.Stale),
		})
		return nil
	})
	return all, err
}

// recorded is what a handler answers.
func recorded(tb testing.TB, h http.HandlerFunc) ([]byte, http.Header) {
	tb.Helper()
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest(http.MethodPost, "/", nil))
	return w.Body.Bytes(), w.Header()
}

// waits are the waits between tries, which take no time.
type waits []time.Duration

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	*w = append(*w, d)
	return ctx.Err()
}
