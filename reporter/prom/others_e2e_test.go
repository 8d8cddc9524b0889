//go:build real && e2e

package prom_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/reporter/series"

	"github.com/golang/snappy"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/prometheus/prompb"

	"github.com/gputally/gputally/internal/child"
	"github.com/gputally/gputally/internal/promserver"
	"github.com/gputally/gputally/reporter/prom"
)

// patience bounds the wait for a server.
const patience = 2 * time.Minute

// freeAddress is an address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := child.Address(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// startTool runs one of the tools that "make e2e" gets, until stop is called or
// the test ends, and returns when the URL answers.
func startTool(t *testing.T, readyURL, name string, args ...string) (stop func()) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", ".tools", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	tool, err := child.Start(exec.Command(path, args...), t.Output())
	if err != nil {
		t.Fatalf("%v (run \"make e2e\")", err)
	}
	stop = func() {
		tool.Kill()
		<-tool.Done()
	}
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tool.Await(ctx, child.Answers(readyURL, nil)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return stop
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := child.Poll(ctx, child.Met(what, met)); err != nil {
		t.Fatal(err)
	}
}

// push writes the history by remote write.
func (h history) push(t *testing.T, url string) {
	t.Helper()
	var all prompb.WriteRequest
	for _, key := range slices.Sorted(maps.Keys(h)) {
		var series prompb.TimeSeries
		for _, l := range h[key].Labels {
			series.Labels = append(series.Labels, prompb.Label{Name: l.Name, Value: l.Value})
		}
		for _, s := range h[key].Samples {
			series.Samples = append(series.Samples, prompb.Sample{Timestamp: s.T, Value: s.V})
		}
		for _, at := range h[key].Stale {
			series.Samples = append(series.Samples, prompb.Sample{Timestamp: at, Value: staleMarker})
		}
		all.Timeseries = append(all.Timeseries, series)
	}
	b, err := all.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, b)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("remote write: %s %s", resp.Status, text)
	}
}

// seconds asks for everything in a range.
func seconds(from, to time.Time) series.Query {
	return series.Query{From: from, To: to, Matchers: []series.Matcher{{Name: "__name__", Value: "seconds"}}}
}

// sorted reads everything, by labels.
func sorted(t *testing.T, c *prom.Client, q series.Query) []series.Series {
	t.Helper()
	got, err := collect(t, c, q)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b series.Series) int { return cmp.Compare(a.Labels.String(), b.Labels.String()) })
	return got
}

func TestVictoriaMetricsGivesBackWhatItWasGiven(t *testing.T) {
	from := time.Now().Truncate(time.Hour).Add(-5 * time.Hour)
	to := from.Add(4 * time.Hour)
	h := invent(from, to)
	for _, s := range h { // it keeps 15 digits, which is enough for milliseconds
		for i := range s.Samples {
			s.Samples[i].V = math.Round(s.Samples[i].V*1000) / 1000
		}
	}
	address := freeAddress(t)
	startTool(t, "http://"+address+"/health", "victoria-metrics",
		"-storageDataPath="+t.TempDir(), "-httpListenAddr="+address, "-retentionPeriod=12", "-search.maxUniqueTimeseries=20", "-search.maxExportSeries=20")
	h.push(t, "http://"+address+"/api/v1/write")
	resp, err := http.Get("http://" + address + "/internal/force_flush")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	c := client(t, prom.Config{URL: "http://" + address, Road: "auto", Selector: []series.Matcher{{Name: "cluster", Value: "test"}}})
	all := func(series.Labels) bool { return true }
	cut, end := from.Add(7*time.Minute+time.Millisecond), from.Add(11*time.Minute+333*time.Millisecond)
	pieces := series.Partition("uuid", "GPU-", 4)
	if diff := gocmp.Diff(h.within(cut, end, all), inPieces(t, c, seconds(cut, end), pieces), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("series of a short range (-want +got):\n%s", diff)
	}
	if c.Road() != "export" {
		t.Errorf("road %q", c.Road())
	}
	if _, err := collect(t, c, seconds(from, to)); !errors.Is(err, series.Limit) {
		t.Errorf("error %v of more series than the server allows, want a limit", err)
	}
	want := h.within(from, to, all)
	got := inPieces(t, c, seconds(from, to), pieces)
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("series in pieces (-want +got):\n%s", diff)
	}
	json := client(t, prom.Config{URL: "http://" + address, Road: "json", Selector: []series.Matcher{{Name: "cluster", Value: "test"}}})
	plain := inPieces(t, json, seconds(cut, end), pieces)
	for i := range plain { // what is a marker elsewhere is not a number here
		plain[i].Samples = slices.DeleteFunc(plain[i].Samples, func(s series.Sample) bool { return math.IsNaN(s.V) })
	}
	for i, s := range h.within(cut, end, all) {
		if i >= len(plain) || !slices.Equal(s.Samples, plain[i].Samples) {
			t.Errorf("by JSON %s is not what it is by export", s.Labels)
		}
	}
	if _, err := collect(t, c, series.Query{From: from, To: to, Matchers: []series.Matcher{{Name: "a", Op: series.Match, Value: "("}}}); !errors.Is(err, series.Rejected) {
		t.Errorf("error %v of a wrong regular expression", err)
	}
}

// thanosOver runs a sidecar beside a Prometheus and returns its address and how
// to stop it.
func thanosOver(t *testing.T, source *promserver.Server, dir string) (address string, stop func()) {
	t.Helper()
	web, grpc := freeAddress(t), freeAddress(t)
	return grpc, startTool(t, "http://"+web+"/-/ready", "thanos", "sidecar", "--tsdb.path="+promserver.DataDir(dir),
		"--prometheus.url="+source.URL, "--http-address="+web, "--grpc-address="+grpc)
}

// querier runs a querier and returns its URL once it knows so many stores.
func querier(t *testing.T, stores int, flags ...string) string {
	t.Helper()
	address := freeAddress(t)
	startTool(t, "http://"+address+"/-/ready", "thanos",
		append([]string{"query", "--http-address=" + address, "--grpc-address=" + freeAddress(t)}, flags...)...)
	until(t, "the querier knows its stores", func() bool {
		return strings.Count(storesOf(t, "http://"+address), `"cluster"`) == stores
	})
	return "http://" + address
}

// storesOf is what a querier tells of its stores.
func storesOf(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url + "/api/v1/stores")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A Thanos over two clusters, of which one goes away.
func TestThanosGivesAllOrFails(t *testing.T) {
	from := time.Now().Truncate(blockLength).Add(-4 * blockLength)
	to := from.Add(2 * blockLength)
	h := invent(from, to)
	dir, otherDir := t.TempDir(), t.TempDir()
	h.store(t, promserver.DataDir(dir))
	source := startServer(t, promserver.Config{Dir: dir, YAML: externalLabel, Retention: 30 * 24 * time.Hour})
	store, stop := thanosOver(t, source, dir)
	otherStore, _ := thanosOver(t, startServer(t, promserver.Config{Dir: otherDir, YAML: strings.ReplaceAll(externalLabel, "test", "other")}), otherDir)
	loose := querier(t, 2, "--endpoint="+store, "--endpoint="+otherStore)
	strict := querier(t, 2, "--endpoint-strict="+store, "--endpoint="+otherStore)
	alone := querier(t, 1, "--endpoint="+store)

	read := func(url, cluster string) *prom.Client {
		return client(t, prom.Config{URL: url, Road: "auto", Selector: []series.Matcher{{Name: "cluster", Value: cluster}}})
	}
	var want []series.Series
	for _, s := range sorted(t, read(source.URL, "test"), seconds(from, to)) {
		if s.Stale = nil; len(s.Samples) > 0 {
			want = append(want, s)
		}
	}
	for _, url := range []string{loose, strict, alone} {
		c := read(url, "test")
		if diff := gocmp.Diff(want, sorted(t, c, seconds(from, to)), cmpopts.EquateEmpty()); diff != "" || c.Road() != "json" {
			t.Errorf("road %q, series (-remote_read +thanos):\n%s", c.Road(), diff)
		}
		for name, got := range map[string][]series.Series{
			"a cluster that isn't there": sorted(t, read(url, "third"), seconds(from, to)),
			"a time before all samples":  sorted(t, c, seconds(from.Add(-time.Hour), from.Add(-time.Minute))),
		} {
			if len(got) > 0 {
				t.Errorf("%s: %d series", name, len(got))
			}
		}
	}

	stop() // at first the queriers do not know that the sidecar is gone
	for _, url := range []string{loose, strict, alone} {
		_, err := collect(t, read(url, "test"), seconds(from, to))
		t.Logf("just after: %v", err)
		if !errors.Is(err, series.Partial) {
			t.Errorf("error %v with a store down, want partial", err)
		}
		until(t, "the querier knows that the sidecar is gone", func() bool { return strings.Contains(storesOf(t, url), "onnection refused") })
	}
	for name, url := range map[string]string{"strict": strict, "alone": alone} {
		_, err := collect(t, read(url, "test"), seconds(from, to))
		t.Logf("%s, later: %v", name, err)
		if !errors.Is(err, series.Partial) {
			t.Errorf("%s: error %v with a store that is known to be down, want partial", name, err)
		}
	}
	// This is why the documentation asks for --endpoint-strict.
	if got, err := collect(t, read(loose, "test"), seconds(from, to)); err != nil || len(got) > 0 {
		t.Errorf("%d series and error %v from a querier that forgot a store", len(got), err)
	}
}
