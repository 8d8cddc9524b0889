package promserver_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/promserver"
)

func TestStartTellsWhyTheServerEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	_, err := promserver.Start(t.Context(), promserver.Config{
		Binary: script(t, filepath.Join(dir, "bin"), `echo starting; echo "config is bad" >&2; exit 3`),
		Dir:    dir,
		Log:    &log,
	})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "config is bad") {
		t.Errorf("error %v, want the status and the last line", err)
	}
	if got := log.String(); got != "starting\nconfig is bad\n" {
		t.Errorf("log %q", got)
	}
}

func TestStartTakesAnotherFreePortWhenSomebodyWasQuicker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := promserver.Start(t.Context(), promserver.Config{
		Binary: script(t, filepath.Join(dir, "bin"), `
			echo x >>"`+dir+`/tries"
			test $(wc -l <"`+dir+`/tries") -lt 3 && echo "listen tcp: bind: address already in use"
			exit 1`),
		Dir: dir,
	})
	// The third try has another error, with which it ends.
	if err == nil || strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error %v, want that of the third try", err)
	}
}

func TestStartRefusesAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	// Somebody who would even say to be ready.
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(other.Close)
	dir := t.TempDir()
	_, err := promserver.Start(t.Context(), promserver.Config{
		Binary: script(t, filepath.Join(dir, "bin"), "sleep 60"),
		Dir:    dir,
		Listen: other.Listener.Addr().String(),
	})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error %v", err)
	}
}

func TestStartEndsAServerThatNeverGetsReady(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		wait time.Duration
		want error
	}{
		"when its time is over": {t.Context(), 50 * time.Millisecond, context.DeadlineExceeded},
		"when it is cancelled":  {cancelled, time.Minute, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := promserver.Start(tc.ctx, promserver.Config{
				Binary:       script(t, filepath.Join(dir, "bin"), "echo working on it; exec sleep 60"),
				Dir:          dir,
				ReadyTimeout: tc.wait,
			})
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestStartRefusesBadSettings(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]promserver.Config{
		"no directory":            {Binary: "/bin/true"},
		"no such binary":          {Binary: "/does/not/exist", Dir: t.TempDir()},
		"a directory of a file":   {Binary: "/bin/true", Dir: "/dev/null/dir"},
		"an address that is none": {Binary: "/bin/true", Dir: t.TempDir(), Listen: "nowhere"},
		"an address of elsewhere": {Binary: "/bin/true", Dir: t.TempDir(), Listen: "192.0.2.1:9090"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, err := promserver.Start(t.Context(), cfg); err == nil {
				_ = s.Stop(t.Context())
				t.Error("no error")
			}
		})
	}
}
