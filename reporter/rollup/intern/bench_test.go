package intern_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/gputally/gputally/reporter/rollup/intern"
	"github.com/gputally/gputally/reporter/usage"
)

const million = 1_000_000

// live reports what is live after what was made, and what it costs to collect
// garbage around it.
func live(b *testing.B, before runtime.MemStats) {
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "live-MiB")
}

func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// BenchmarkNames numbers the UIDs of a million pods, each of which comes twice.
func BenchmarkNames(b *testing.B) {
	uids := make([][]byte, million)
	for i := range uids {
		uids[i] = fmt.Appendf(nil, "%08x-1bee-4d66-a4c4-%012x", i*2654435761%(1<<32), i)
	}
	b.Run("Names", func(b *testing.B) {
		before := heap()
		var kept *intern.Names
		for b.Loop() {
			kept = intern.NewNames()
			for range 2 {
				for _, uid := range uids {
					kept.IDOf(uid)
				}
			}
		}
		live(b, before)
		runtime.KeepAlive(kept)
	})
	b.Run("map", func(b *testing.B) {
		before := heap()
		var kept map[string]uint32
		var texts []string
		for b.Loop() {
			kept, texts = map[string]uint32{}, nil
			for range 2 {
				for _, uid := range uids {
					if _, ok := kept[string(uid)]; !ok {
						text := string(uid)
						kept[text] = uint32(len(texts))
						texts = append(texts, text)
					}
				}
			}
		}
		live(b, before)
		runtime.KeepAlive(kept)
		runtime.KeepAlive(texts)
	})
}

// BenchmarkKeys numbers the keys of a million rows, each of which comes twice.
func BenchmarkKeys(b *testing.B) {
	type key [5]uint32
	keys := make([]key, million)
	for i := range keys {
		n := uint32(i)
		keys[i] = key{0, n % 7, n % 1000, n, n + million}
	}
	b.Run("Keys", func(b *testing.B) {
		before := heap()
		var kept *intern.Keys
		for b.Loop() {
			kept = intern.NewKeys(len(key{}))
			for range 2 {
				for i := range keys {
					kept.Find(keys[i][:])
				}
			}
		}
		live(b, before)
		runtime.KeepAlive(kept)
	})
	b.Run("map", func(b *testing.B) { // of one width, that of the report
		before := heap()
		var kept map[key]uint32
		var list []key
		for b.Loop() {
			kept, list = map[key]uint32{}, nil
			for range 2 {
				for _, k := range keys {
					if _, ok := kept[k]; !ok {
						kept[k] = uint32(len(list))
						list = append(list, k)
					}
				}
			}
		}
		live(b, before)
		runtime.KeepAlive(kept)
		runtime.KeepAlive(list)
	})
}

// BenchmarkRecall finds the names of an hour of 20,000 pods among a million
// names, of which a fiftieth is new in each hour.
func BenchmarkRecall(b *testing.B) {
	const pods = 20_000
	var hours [2]usage.Names
	for n := range hours {
		for i := range pods {
			hours[n].Add(fmt.Appendf(nil, "%08x-1bee-4d66-a4c4-%012x", i, (n+i)/50))
		}
	}
	names := intern.NewNames()
	for i := range million {
		names.IDOf(fmt.Appendf(nil, "%08x-0000-4d66-a4c4-%012x", i, i))
	}
	b.Run("Recall", func(b *testing.B) {
		recall := intern.NewRecall(names)
		for i := 0; b.Loop(); i++ {
			recall.Hour()
			recall.Batch(&hours[i%2])
		}
	})
	b.Run("Names", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			hour := &hours[i%2]
			for code := range int32(hour.Len()) {
				names.IDOf(hour.At(code))
			}
		}
	})
}
