//go:build real

package prom_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/common/config"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/crypto/bcrypt"

	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/reporter/prom"
)

const blockLength = 2 * time.Hour

// history is what a server is given, by series; markers have NaN in them.
type history map[string]*series.Series

// invent makes seconds counters of GPUs that are scraped every 15 s with some
// scrapes lost, some containers short, and a marker at the end of each.
func invent(from, to time.Time) history {
	rng := rand.New(rand.NewPCG(1, 2))
	h := history{}
	for gpu := range 40 {
		start := from.UnixMilli() + rng.Int64N(15_000)
		for n := 0; start < to.UnixMilli(); n++ {
			s := &series.Series{Labels: labels(
				"__name__", "seconds",
				"cluster", "test",
				"pod", fmt.Sprintf("pod-%d-%d", gpu, n),
				"uuid", fmt.Sprintf("GPU-%02x", gpu*7))}
			end := start + rng.Int64N(4*time.Hour.Milliseconds())
			at := start
			for ; at < min(end, to.UnixMilli()); at += 15_000 {
				if rng.IntN(50) > 0 {
					s.Samples = append(s.Samples, series.Sample{T: at, V: float64(at-start)/1000 + rng.Float64()/100})
				}
			}
			if at < to.UnixMilli() {
				s.Stale = append(s.Stale, at)
			}
			h[s.Labels.String()] = s
			start = at + 15_000
		}
	}
	return h
}

// store writes the history as blocks.
func (h history) store(t *testing.T, dir string) {
	t.Helper()
	type entry struct {
		labels promlabels.Labels
		sample series.Sample
	}
	blocks := map[int64][]entry{}
	put := func(ls promlabels.Labels, s series.Sample) {
		block := s.T / blockLength.Milliseconds()
		blocks[block] = append(blocks[block], entry{ls, s})
	}
	for _, s := range h {
		var pairs []string
		for _, l := range s.Labels {
			if l.Name != "cluster" { // an external label, which the server adds
				pairs = append(pairs, l.Name, l.Value)
			}
		}
		ls := promlabels.FromStrings(pairs...)
		for _, sample := range s.Samples {
			put(ls, sample)
		}
		for _, at := range s.Stale {
			put(ls, series.Sample{T: at, V: staleMarker})
		}
	}
	for _, entries := range blocks {
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.sample.T, b.sample.T) })
		// The writer takes samples up to half of its block size back.
		w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, 2*blockLength.Milliseconds())
		if err != nil {
			t.Fatal(err)
		}
		app := w.Appender(t.Context())
		for _, e := range entries {
			if _, err := app.Append(storage.SeriesRef(0), e.labels, e.sample.T, e.sample.V); err != nil {
				t.Fatal(err)
			}
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// within is what a read of the range must give, sorted by labels.
func (h history) within(from, to time.Time, pick func(series.Labels) bool) []series.Series {
	var want []series.Series
	for _, key := range slices.Sorted(maps.Keys(h)) {
		s := h[key]
		cut := series.Series{Labels: s.Labels}
		for _, sample := range s.Samples {
			if sample.T >= from.UnixMilli() && sample.T <= to.UnixMilli() {
				cut.Samples = append(cut.Samples, sample)
			}
		}
		for _, at := range s.Stale {
			if at >= from.UnixMilli() && at <= to.UnixMilli() {
				cut.Stale = append(cut.Stale, at)
			}
		}
		if len(cut.Samples)+len(cut.Stale) > 0 && pick(s.Labels) {
			want = append(want, cut)
		}
	}
	return want
}

// startServer runs a Prometheus for the time of the test.
func startServer(t *testing.T, cfg promserver.Config) *promserver.Server {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Log = t.Output()
	s, err := promserver.Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%v (run \"make tools\")", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

const externalLabel = "global:\n  external_labels:\n    cluster: test\n"

func TestARealServerGivesBackWhatItWasGiven(t *testing.T) {
	t.Parallel()
	from := time.Now().Truncate(blockLength).Add(-5 * blockLength)
	to := from.Add(4 * blockLength)
	h := invent(from, to)
	dir := t.TempDir()
	h.store(t, promserver.DataDir(dir))
	s := startServer(t, promserver.Config{
		Dir:       dir,
		YAML:      externalLabel,
		Retention: 30 * 24 * time.Hour,
		// Frames so small that long series need several.
		ExtraArgs: []string{"--storage.remote.read-max-bytes-in-frame=400"},
	})
	c := client(t, prom.Config{URL: s.URL, HTTP: config.DefaultHTTPClientConfig, Selector: []series.Matcher{{Name: "cluster", Value: "test"}}})
	all := func(series.Labels) bool { return true }
	for name, tc := range map[string]struct {
		from, to time.Time
		matchers []series.Matcher
		pick     func(series.Labels) bool
	}{
		"everything":                     {from: from, to: to, pick: all},
		"an hour across two blocks":      {from: from.Add(90 * time.Minute), to: from.Add(150 * time.Minute), pick: all},
		"a range that cuts chunks":       {from: from.Add(7*time.Minute + time.Millisecond), to: from.Add(11*time.Minute + 333*time.Millisecond), pick: all},
		"a time before all samples":      {from: from.Add(-time.Hour), to: from.Add(-time.Minute), pick: all},
		"some GPUs by their first digit": {from: from, to: to, matchers: []series.Matcher{{Name: "uuid", Op: series.Match, Value: "GPU-[0-3].*"}}, pick: func(ls series.Labels) bool { return ls.Get("uuid") < "GPU-4" }},
		"another cluster":                {from: from, to: to, matchers: []series.Matcher{{Name: "cluster", Value: "other"}}, pick: func(series.Labels) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			q := series.Query{From: tc.from, To: tc.to, Matchers: append([]series.Matcher{{Name: "__name__", Value: "seconds"}}, tc.matchers...)}
			got, err := collect(t, c, q)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(got, func(a, b series.Series) int { return cmp.Compare(a.Labels.String(), b.Labels.String()) })
			want := h.within(tc.from, tc.to, tc.pick)
			if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
			t.Logf("%d series", len(got))
		})
	}
}

// withoutMarks is what the road of JSON gives of series: no staleness markers,
// and no external labels.
func withoutMarks(all []series.Series) []series.Series {
	var out []series.Series
	for _, s := range all {
		if len(s.Samples) > 0 {
			s.Labels = slices.DeleteFunc(slices.Clone(s.Labels), func(l series.Label) bool { return l.Name == "cluster" })
			s.Stale = nil
			out = append(out, s)
		}
	}
	return out
}

func TestARealServerGivesTheSameByJSON(t *testing.T) {
	t.Parallel()
	from := time.Now().Truncate(blockLength).Add(-4 * blockLength)
	to := from.Add(2 * blockLength)
	h := invent(from, to)
	dir := t.TempDir()
	h.store(t, promserver.DataDir(dir))
	s := startServer(t, promserver.Config{Dir: dir, YAML: externalLabel, Retention: 30 * 24 * time.Hour, ExtraArgs: []string{"--query.max-samples=3000"}})
	seconds := []series.Matcher{{Name: "__name__", Value: "seconds"}}
	first := from.Add(37 * time.Minute)
	for _, key := range slices.Sorted(maps.Keys(h)) { // a range that begins with a sample
		if ss := h[key]; len(ss.Samples) > 100 {
			first = time.UnixMilli(ss.Samples[50].T)
			break
		}
	}
	whole := series.Query{From: from, To: to, Matchers: seconds}
	exact := series.Query{From: first, To: first.Add(2 * time.Minute), Matchers: seconds}
	remote := client(t, prom.Config{URL: s.URL, Road: "auto"})
	json := client(t, prom.Config{URL: s.URL, Road: "json"})

	if _, err := collect(t, json, whole); !errors.Is(err, series.Limit) {
		t.Errorf("error %v of more samples than the server allows, want a limit", err)
	}
	for name, q := range map[string]series.Query{"a range that begins with a sample": exact, "pieces under the server's limit": whole} {
		want, err := collect(t, remote, q)
		if err != nil || remote.Road() != "remote_read" {
			t.Fatalf("road %q, error %v", remote.Road(), err)
		}
		got := inPieces(t, json, q, series.Partition("uuid", "GPU-", 4))
		byLabels := func(a, b series.Series) int { return cmp.Compare(a.Labels.String(), b.Labels.String()) }
		want = withoutMarks(want)
		slices.SortFunc(want, byLabels)
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: series (-remote_read +json):\n%s", name, diff)
		}
	}
}

// inPieces reads a query in pieces, which are halved where they meet a limit,
// and joins the parts of each series.
func inPieces(t *testing.T, c *prom.Client, q series.Query, pieces []series.Piece) []series.Series {
	t.Helper()
	joined := history{}
	limits := 0
	for len(pieces) > 0 {
		p := pieces[0]
		pieces = pieces[1:]
		got, err := collect(t, c, p.Of(q))
		if errors.Is(err, series.Limit) {
			limits++
			halves, ok := p.Halves()
			if !ok {
				t.Fatalf("the smallest piece meets a limit: %v", err)
			}
			pieces = append(halves, pieces...)
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			key := s.Labels.String()
			if joined[key] == nil {
				joined[key] = &series.Series{Labels: s.Labels}
			}
			joined[key].Samples = append(joined[key].Samples, s.Samples...)
			joined[key].Stale = append(joined[key].Stale, s.Stale...)
		}
	}
	var all []series.Series
	for _, key := range slices.Sorted(maps.Keys(joined)) {
		all = append(all, *joined[key])
	}
	t.Logf("%d series, %d pieces met the limit", len(all), limits)
	return all
}

func TestARealServerTellsItsStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now()
	h := history{}
	for i, uuid := range []string{"a", "b", "c"} {
		s := &series.Series{Labels: labels("__name__", "seconds", "cluster", "test", "uuid", uuid)}
		for at := now.Add(-5 * time.Minute); at.Before(now); at = at.Add(20 * time.Second) {
			s.Samples = append(s.Samples, series.Sample{T: at.UnixMilli() + int64(i), V: math.Pi})
		}
		h[uuid] = s
	}
	h.store(t, promserver.DataDir(dir))
	s := startServer(t, promserver.Config{Dir: dir, YAML: externalLabel, Retention: 21 * 24 * time.Hour})
	c := client(t, prom.Config{URL: s.URL, Selector: []series.Matcher{{Name: "cluster", Value: "test"}}})
	got, err := c.Status(t.Context(), []string{"seconds", "nothing"})
	if err != nil {
		t.Fatal(err)
	}
	want := prom.Status{
		Version:        got.Version, // empty in a build from the module
		Time:           got.Time,
		Retention:      "3w",
		Road:           "remote_read",
		Families:       []prom.Family{{Name: "seconds", Series: 3}, {Name: "nothing"}},
		ScrapeInterval: 20 * time.Second,
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if got.Time.Before(now) || got.Time.After(time.Now()) {
		t.Errorf("time %s is not between %s and now", got.Time, now)
	}
}

func TestARealServerRefuses(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	web := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(web, fmt.Appendf(nil, "basic_auth_users:\n  reader: %s\n", hash), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, promserver.Config{
		ExtraArgs: []string{"--web.config.file=" + web},
		User:      url.UserPassword("reader", "right"),
	})
	as := func(password config.Secret) config.HTTPClientConfig {
		return config.HTTPClientConfig{BasicAuth: &config.BasicAuth{Username: "reader", Password: password}}
	}
	seconds := series.Matcher{Name: "__name__", Value: "seconds"}
	for name, tc := range map[string]struct {
		cfg     prom.Config
		matcher series.Matcher
		want    error
	}{
		"nobody with the right password": {cfg: prom.Config{URL: s.URL, HTTP: as("right")}, matcher: seconds},
		"a wrong password":               {cfg: prom.Config{URL: s.URL, HTTP: as("wrong")}, matcher: seconds, want: series.Unauthorized},
		"a reader without credentials":   {cfg: prom.Config{URL: s.URL}, matcher: seconds, want: series.Unauthorized},
		"a wrong path":                   {cfg: prom.Config{URL: s.URL + "/prometheus", HTTP: as("right")}, matcher: seconds, want: series.Rejected},
		"a wrong regular expression":     {cfg: prom.Config{URL: s.URL, HTTP: as("right")}, matcher: series.Matcher{Name: "a", Op: series.Match, Value: "("}, want: series.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := collect(t, client(t, tc.cfg), series.Query{From: time.UnixMilli(0), To: time.UnixMilli(1), Matchers: []series.Matcher{tc.matcher}})
			if tc.want == nil && err != nil || !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if len(got) > 0 {
				t.Errorf("%d series", len(got))
			}
		})
	}
}
