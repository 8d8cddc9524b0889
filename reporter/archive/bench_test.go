package archive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/archive"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/mem"
	"github.com/gputally/gputally/reporter/report"
	"github.com/gputally/gputally/reporter/window"
)

// The reports of an hourly schedule in fourteen months, under each of ten names.
const benchNames, benchHours = 10, 10_000

// hourlyReports writes an index of hourly reports, and nothing else.
func hourlyReports(b *testing.B, store bucket.Bucket) {
	b.Helper()
	from := start.Add(-benchHours * time.Hour)
	for n := range benchNames {
		name := fmt.Sprintf("hourly-%d", n)
		months := map[string][]string{}
		for hour := range benchHours {
			w := window.Hour(from.Add(time.Duration(hour) * time.Hour))
			key := window.Key(w, time.UTC)
			line, err := json.Marshal(archive.Record{
				CoverageRatio: 1_000_000, CreatedAt: w.To.Format(time.RFC3339), From: w.From, HoursAsked: 1, HoursClosed: 1, ID: "0123456789abcdef",
				KeyPrefix: "reports/" + name + "/" + key + "/0123456789abcdef/", ManifestSHA256: strings.Repeat("ab", 32),
				Name: name, PeriodKey: key, Revision: 1, Rows: 100, State: report.Ready, To: w.To,
			})
			if err != nil {
				b.Fatal(err)
			}
			month := w.From.Format("2006-01")
			months[month] = append(months[month], string(line))
		}
		for month, lines := range months {
			overwrite(b, store, "index/published/"+name+"/"+month+".json",
				"{\"records\":[\n"+strings.Join(lines, ",\n")+"\n],\"token\":\"t\",\"version\":1}\n")
		}
	}
}

// listedOnce is a bucket whose listings don't change and have ETags, as those of S3
// do, and take no time.
type listedOnce struct {
	*counting
	objects []bucket.Object
}

func newListedOnce(b *testing.B, c *counting) *listedOnce {
	b.Helper()
	l := &listedOnce{counting: c}
	for object, err := range c.List(b.Context(), "") {
		if err != nil {
			b.Fatal(err)
		}
		l.objects = append(l.objects, object)
	}
	return l
}

func (l *listedOnce) List(_ context.Context, prefix string) iter.Seq2[bucket.Object, error] {
	return func(yield func(bucket.Object, error) bool) {
		for _, object := range l.objects {
			if strings.HasPrefix(object.Key, prefix) && !yield(object, nil) {
				return
			}
		}
	}
}

// BenchmarkListPage reads the 100 newest of 100,000 reports: of one name, and of
// all, in a new process (cold) and again (warm). Months is the most that was read
// under any name.
func BenchmarkListPage(b *testing.B) {
	filled := &counting{Bucket: mem.New(func() time.Time { return start }), etags: true}
	hourlyReports(b, filled)
	store := newListedOnce(b, filled)
	for what, q := range map[string]archive.Query{"name": {Name: "hourly-3", Current: true}, "all": {Current: true}} {
		page := func(b *testing.B, a *archive.Archive) {
			b.Helper()
			n := 0
			for _, err := range a.List(b.Context(), q) {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == 100 {
					break
				}
			}
			if n != 100 {
				b.Fatalf("the page has %d reports", n)
			}
		}
		names := 1
		if q.Name == "" {
			names = benchNames
		}
		b.Run(what+"/cold", func(b *testing.B) {
			for b.Loop() {
				store.reset()
				page(b, open(store, start))
			}
			months := float64(store.gets) / float64(names)
			b.ReportMetric(months, "months")
			if months > 2 {
				b.Errorf("%d objects were read", store.gets)
			}
		})
		b.Run(what+"/warm", func(b *testing.B) {
			a := open(store, start)
			page(b, a)
			store.reset()
			for b.Loop() {
				page(b, a)
			}
			if store.gets != 0 {
				b.Errorf("%d objects were read again", store.gets)
			}
			if took := b.Elapsed() / time.Duration(b.N); took > 50*time.Millisecond {
				b.Errorf("a page takes %s, more than 50ms", took)
			}
		})
	}
}
