//go:build real

package promserver_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/promserver"
)

func start(t *testing.T, cfg promserver.Config) *promserver.Server {
	t.Helper()
	s, err := promserver.Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("%v (run \"make tools\")", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, resp.Status, err, b)
	}
	return string(b)
}

func TestServerRunsAsConfiguredAndStops(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := start(t, promserver.Config{
		Dir:       t.TempDir(),
		YAML:      "global:\n  scrape_interval: 7s\n",
		Retention: 40 * 24 * time.Hour,
		ExtraArgs: []string{"--web.enable-lifecycle"},
		Log:       &log,
	})
	if got := get(t, s.URL+"/api/v1/status/config"); !strings.Contains(got, "scrape_interval: 7s") {
		t.Errorf("configuration %s", got)
	}
	flags := get(t, s.URL+"/api/v1/status/flags")
	for _, want := range []string{`"storage.tsdb.retention.time":"40d"`, `"web.enable-lifecycle":"true"`} {
		if !strings.Contains(flags, want) {
			t.Errorf("flags %s lack %s", flags, want)
		}
	}
	select {
	case <-s.Done():
		t.Error("it is done before it was stopped")
	default:
	}
	for range 2 { // a second time is no error
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		<-s.Done()
	}
	if !strings.Contains(log.String(), "See you next time") {
		t.Errorf("it was not given the time to end:\n%s", log.String())
	}
}

func TestServerStartsAgainOnItsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		s := start(t, promserver.Config{Dir: dir})
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoServersDontShareADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, promserver.Config{Dir: dir})
	if _, err := promserver.Start(t.Context(), promserver.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "lock") {
		t.Errorf("error %v, want one of the lock", err)
	}
}

func TestABadConfigurationIsTold(t *testing.T) {
	t.Parallel()
	_, err := promserver.Start(t.Context(), promserver.Config{Dir: t.TempDir(), YAML: "globl: {}\n"})
	if err == nil || !strings.Contains(err.Error(), "field globl not found") {
		t.Errorf("error %v, want the server's own words", err)
	}
}
