//go:build real

package reporter_test

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/open"
)

// work is a command that writes into the bucket of its test, and how it ends where
// nobody disturbs it.
type work struct {
	name   string // that the prefixes of its cases begin with
	url    string // of the bucket: "s3://killed"
	clock  string
	args   []string
	more   string            // of the configuration
	poorer bool              // it reads the samples of one node of two
	seed   map[string][]byte // the objects that are there before

	asked []string // the methods of its requests
	took  time.Duration
	end   map[string][]byte // the objects that are there after it
}

const (
	twoHours = "--period=2026-11-03T00:00:00Z/2026-11-03T02:00:00Z"
	untilTwo = "--to=2026-11-03T02:00:00Z"
)

// newWorks are all kinds of work that write, each done once undisturbed.
func newWorks(t *testing.T, s3 string) map[string]*work {
	t.Helper()
	if err := shared.s3.CreateBucket(t.Context(), s3); err != nil {
		t.Fatal(err)
	}
	clock, later := newClock(t, afterThree), newClock(t, instant("2026-11-20T12:00:00Z"))
	all := map[string]*work{}
	add := func(name string, w work) *work {
		w.name, w.url = strings.ReplaceAll(name, " ", "-"), "s3://"+s3
		if w.clock == "" {
			w.clock = clock
		}
		w.undisturbed(t)
		all[name] = &w
		return &w
	}
	poor := add("close with less", work{args: []string{"close", closeNight, untilTwo}, poorer: true})
	closed := add("close", work{args: poor.args})
	first := add("report of less", work{args: []string{"report", "--by=project", twoHours}, seed: poor.end})
	restated := add("restate", work{args: []string{"close", "--restate", closeNight, untilTwo}, seed: first.end})
	second := add("second revision", work{args: first.args, seed: restated.end})
	delete(all, "report of less") // the second revision does the same and more
	add("compact", work{args: []string{"ledger", "compact"}, clock: later, seed: closed.end})
	lost := maps.Clone(second.end)
	maps.DeleteFunc(lost, func(key string, _ []byte) bool {
		return strings.HasPrefix(key, "index/") || strings.HasSuffix(key, "/latest.json")
	})
	add("rebuild the index", work{args: []string{"index", "rebuild"}, seed: lost})
	return all
}

// undisturbed does the work, notes what it asks, and verifies what it leaves.
func (w *work) undisturbed(t *testing.T) {
	t.Helper()
	prefix := w.name + "-undisturbed"
	w.sow(t, prefix)
	counted := momentOf(t, 0, before, nil)
	began := time.Now()
	runs(t, w.clock, w.at(t, prefix, counted.URL)...)
	w.took = time.Since(began)
	for _, asked := range counted.Asked() {
		w.asked = append(w.asked, asked.Method)
	}
	w.end = w.objects(t, prefix)
	if !slices.Contains(w.asked, "PUT") || len(w.end) == 0 {
		t.Fatalf("%s asks %s and leaves %d objects", w.name, w.asked, len(w.end))
	}
	runs(t, w.clock, "ledger", "verify", w.config(t, prefix, shared.s3.Endpoint))
}

// requests are the moments of requests at which something is to happen: every
// write, each time other reads. A process does the same whichever it is of the reads
// between two writes.
func (w *work) requests(ofRead moment, ofWrite ...moment) iter.Seq2[int, moment] {
	const oneReadOf = 5
	return func(yield func(int, moment) bool) {
		for i, method := range w.asked {
			moments := ofWrite
			if method == "GET" {
				if moments = []moment{ofRead}; rand.N(oneReadOf) > 0 {
					continue
				}
			}
			for _, when := range moments {
				if !yield(i+1, when) {
					return
				}
			}
		}
	}
}

// at is the command line for a prefix, by way of a server.
func (w *work) at(t *testing.T, prefix, endpoint string) []string {
	t.Helper()
	return append(slices.Clone(w.args), w.config(t, prefix, endpoint))
}

// config is the configuration of a prefix, by way of a server.
func (w *work) config(t *testing.T, prefix, endpoint string) string {
	t.Helper()
	setting := fmt.Sprintf("{url: \"%s/%s\"}", w.url, prefix)
	if strings.HasPrefix(w.url, "s3:") {
		setting = fmt.Sprintf("{url: %s/%s, endpoint: %q, region: %s, path_style: true}", w.url, prefix, endpoint, shared.s3.Region)
	}
	f := priced(shared.prometheus.URL, setting, w.more)
	f["schedules.yaml"] = hourly
	if w.poorer {
		f["gputally.yaml"] = strings.Replace(f["gputally.yaml"], "timeout: 20s", "timeout: 20s, selector: {instance: node-a}", 1)
	}
	return "--config=" + f.write(t)
}

// sow puts the seed under a prefix.
func (w *work) sow(t *testing.T, prefix string) {
	t.Helper()
	if len(w.seed) == 0 {
		return
	}
	to := w.open(t, prefix)
	for key, data := range w.seed {
		if _, err := bucket.PutBytes(t.Context(), to, key, data, bucket.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
}

// objects are all objects under a prefix.
func (w *work) objects(t *testing.T, prefix string) map[string][]byte {
	t.Helper()
	from, all := w.open(t, prefix), map[string][]byte{}
	for object, err := range from.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all[object.Key] = read(t, from, object.Key)
	}
	return all
}

// open opens what is under a prefix.
func (w *work) open(t *testing.T, prefix string) bucket.Bucket {
	t.Helper()
	c := open.Config{URL: w.url + "/" + prefix}
	if strings.HasPrefix(w.url, "s3:") {
		c.Region, c.Endpoint, c.PathStyle = shared.s3.Region, shared.s3.Endpoint, true
	}
	b, err := open.Bucket(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// perWrite is what is new with every write of an object that is replaced.
var perWrite = regexp.MustCompile(`"(token|updated)": ?"[^"]*"`)

// sums are the checksums of objects, without what is new with every write.
func sums(objects map[string][]byte) map[string]string {
	all := map[string]string{}
	for key, data := range objects {
		if strings.HasSuffix(key, ".json") {
			data = perWrite.ReplaceAll(data, nil)
		}
		all[key] = sum(data)
	}
	return all
}

// limited runs cases, a few at one time: each is a process and a server.
type limited struct {
	sync.WaitGroup
	once  sync.Once
	turns chan struct{}
}

// Go runs a case when its turn comes.
func (l *limited) Go(do func()) {
	const atOnce = 4
	l.once.Do(func() { l.turns = make(chan struct{}, atOnce) })
	l.WaitGroup.Go(func() {
		l.turns <- struct{}{}
		defer func() { <-l.turns }()
		do()
	})
}
