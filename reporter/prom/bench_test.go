package prom_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gputally/gputally/reporter/series"

	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/gputally/gputally/reporter/prom"
)

const benchSeries, benchSamples = 10_000, 120

// hour is an hour of 10,000 containers at a scrape interval of 30 s, as each
// road's server sends it, and its chunks.
type hour struct {
	remote, export, json []byte
	chunks               []chunkenc.Chunk
}

func inventHour(b *testing.B) *hour {
	b.Helper()
	h := &hour{}
	var lines, rows strings.Builder
	for i := range benchSeries {
		ls := labels(
			"__name__", "gputally_container_gpu_allocated_seconds_total",
			"container", "main",
			"instance", fmt.Sprintf("10.0.0.%d:9400", i/8),
			"job", "gputally",
			"namespace", fmt.Sprintf("team-%d", i/100),
			"pod", fmt.Sprintf("train-%d", i),
			"pod_uid", fmt.Sprintf("5f0f9a40-0000-4000-8000-%012d", i),
			"uuid", fmt.Sprintf("GPU-5f0f9a40-0000-4000-8000-%012d", i))
		var metric, pairs, values, times []string
		for _, l := range ls {
			metric = append(metric, strconv.Quote(l.Name)+":"+strconv.Quote(l.Value))
		}
		ss := make([]series.Sample, benchSamples)
		for j := range ss {
			ss[j] = series.Sample{T: int64(j)*30_000 + int64(i%7), V: float64(j)*30 + float64(i%10)/1000}
			v := strconv.FormatFloat(ss[j].V, 'f', -1, 64)
			pairs = append(pairs, fmt.Sprintf(`[%d.%03d,"%s"]`, ss[j].T/1000, ss[j].T%1000, v))
			values, times = append(values, v), append(times, strconv.FormatInt(ss[j].T, 10))
		}
		c := chunk(b, ss...)
		h.remote = append(h.remote, frame(b, part(ls, c))...)
		decoded, err := chunkenc.FromData(chunkenc.EncXOR, c.Data)
		if err != nil {
			b.Fatal(err)
		}
		h.chunks = append(h.chunks, decoded)
		if i > 0 {
			rows.WriteByte(',')
		}
		fmt.Fprintf(&rows, `{"metric":{%s},"values":[%s]}`, strings.Join(metric, ","), strings.Join(pairs, ","))
		fmt.Fprintf(&lines, `{"metric":{%s},"values":[%s],"timestamps":[%s]}`+"\n", strings.Join(metric, ","), strings.Join(values, ","), strings.Join(times, ","))
	}
	h.export, h.json = []byte(lines.String()), []byte(results(rows.String()))
	return h
}

// count checks what a read or a floor gives, and tells how fast it was, also by
// the processor's time, which other processes don't change.
func count(b *testing.B, f func() (samples int, err error)) {
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		if n, err := f(); err != nil || n != benchSeries*benchSamples {
			b.Fatalf("%d samples, error %v", n, err)
		}
	}
	b.ReportMetric(benchSeries*benchSamples*float64(b.N)/b.Elapsed().Seconds()/1e6, "Msamples/s")
	b.ReportMetric(benchSeries*benchSamples*float64(b.N)/(processorTime(b)-before)/1e6, "Msamples/CPU-s")
}

// processorTime is what this process has used so far, in seconds.
func processorTime(b *testing.B) float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return float64(use.Utime.Nano()+use.Stime.Nano()) / 1e9
}

// BenchmarkRead reads an hour on each road from a server that has its answer
// ready.
func BenchmarkRead(b *testing.B) {
	h := inventHour(b)
	for road, handler := range map[string]http.HandlerFunc{
		"remote_read": stream(h.remote),
		"export":      lines(string(h.export)),
		"json":        matrix(string(h.json)),
	} {
		b.Run(road, func(b *testing.B) {
			c := client(b, prom.Config{URL: serve(b, handler), Road: road})
			count(b, func() (n int, err error) {
				err = c.Read(b.Context(), between(0, 3_600_000), func(s series.Series) error {
					n += len(s.Samples)
					return nil
				})
				return n, err
			})
		})
	}
}

// BenchmarkDecode decodes an hour that is in memory, and does beside it the
// least that can be done with the same bytes: every number is read, nothing is
// checked or kept, and no other layout is understood.
func BenchmarkDecode(b *testing.B) {
	h := inventHour(b)
	decode := func(f func(yield func(series.Series) error) error) func() (int, error) {
		return func() (n int, err error) {
			err = f(func(s series.Series) error {
				n += len(s.Samples)
				return nil
			})
			return n, err
		}
	}
	const end = 3_600_000
	for _, road := range []struct {
		name string
		f    func() (int, error)
	}{
		{"remote_read", decode(func(y func(series.Series) error) error {
			return prom.DecodeStream(bytes.NewReader(h.remote), 0, end, y)
		})},
		{"remote_read floor", func() (int, error) { return chunksFloor(h.chunks), nil }},
		{"export", decode(func(y func(series.Series) error) error {
			return prom.DecodeLines(bytes.NewReader(h.export), 0, end, y)
		})},
		{"export floor", func() (int, error) { return numbersFloor(h.export, `"values":[`) / 2, nil }},
		{"json", decode(func(y func(series.Series) error) error {
			return prom.DecodeMatrix(bytes.NewReader(h.json), 0, end, y)
		})},
		{"json floor", func() (int, error) { return numbersFloor(h.json, `"values":[[`) / 2, nil }},
	} {
		b.Run(road.name, func(b *testing.B) { count(b, road.f) })
	}
}

// chunksFloor counts the samples of chunks.
func chunksFloor(chunks []chunkenc.Chunk) (n int) {
	var it chunkenc.Iterator
	for _, c := range chunks {
		it = c.Iterator(it)
		for it.Next() != chunkenc.ValNone {
			if t, v := it.At(); float64(t) >= v-1 {
				n++
			}
		}
	}
	return n
}

// numbersFloor counts the numbers from each mark to the end of the object.
func numbersFloor(body []byte, mark string) (n int) {
	for {
		i := bytes.Index(body, []byte(mark))
		if i < 0 {
			return n
		}
		body = body[i+len(mark):]
		for i = 0; body[i] != '}'; {
			c := body[i] - '0'
			if c > 9 {
				i++
				continue
			}
			whole, places := uint64(0), 0
			for ; c <= 9; c = body[i] - '0' {
				whole = whole*10 + uint64(c)
				i++
			}
			if body[i] == '.' {
				start := i + 1
				for i = start; body[i]-'0' <= 9; i++ {
					whole = whole*10 + uint64(body[i]-'0')
				}
				places = i - start
			}
			if v := float64(whole) / tens[places]; v >= 0 {
				n++
			}
		}
		body = body[i:]
	}
}

var tens = [...]float64{1, 10, 100, 1000, 1e4, 1e5, 1e6}
