package s3_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// storeAt starts a store for the time of the test.
func storeAt(t *testing.T, h http.HandlerFunc, change func(*s3.Config)) bucket.Bucket {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cfg := s3.Config{
		Bucket: "books", Region: "eu-central-1", Endpoint: server.URL, PathStyle: true,
		Keys: s3.Keys{AccessKey: accessKey, SecretKey: secretKey, SessionToken: sessionToken},
	}
	if change != nil {
		change(&cfg)
	}
	b, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABodyThatStallsIsAnError(t *testing.T) {
	t.Parallel()
	b := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"e"`)
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "a part")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, func(c *s3.Config) { c.Timeout = 50 * time.Millisecond })
	_, _, err := bucket.ReadAll(t.Context(), b, "k")
	var op *bucket.OpError
	if !errors.As(err, &op) || op.Hint == "" || op.Object != "s3://books/k" || !strings.Contains(err.Error(), "sent nothing for 50ms") {
		t.Errorf("error %v", err)
	}
}

func TestABodyThatIsSlowIsRead(t *testing.T) {
	t.Parallel()
	const size = 20
	b := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"e"`)
		w.Header().Set("Content-Length", "20")
		for range size { // altogether much longer than the store may send nothing
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			select {
			case <-time.After(25 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	}, func(c *s3.Config) { c.Timeout = 250 * time.Millisecond })
	if data, _, err := bucket.ReadAll(t.Context(), b, "k"); err != nil || len(data) != size {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestTheSessionTokenGoesToNoOtherHost(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was asked with %v", r.Header)
		w.Header().Set("Etag", `"e"`)
	}))
	t.Cleanup(other.Close)
	b := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}, nil)
	if _, _, err := bucket.ReadAll(t.Context(), b, "k"); err == nil || !strings.Contains(err.Error(), "the endpoint redirects to "+other.URL+", which is not followed") {
		t.Errorf("error %v", err)
	}
}

func TestARedirectOfAnyKindIsNamed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusPermanentRedirect} {
		b := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.example/in?token=abc", status)
		}, nil)
		_, err := bucket.PutBytes(t.Context(), b, "k", []byte("x"), bucket.Condition{})
		if err == nil || !strings.Contains(err.Error(), "the endpoint redirects to https://login.example, which") || strings.Contains(err.Error(), "request ]") {
			t.Errorf("%d: error %v", status, err)
		}
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestARequestWithoutAnAnswerIsNamedInTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		network := &store{answer: func(*http.Request) (int, string) {
			<-time.After(11 * time.Second)
			return 200, ""
		}}
		b := connect(t, network, func(c *s3.Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
		if _, _, err := bucket.ReadAll(t.Context(), b, "state/k"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"no answer yet", "url=https://s3.example/books/state/k", "for=10s"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not in %s", want, log)
			}
		}
	})
}

// away is a store that asks to be left alone.
type away struct {
	status int
	after  string
	tries  int
}

func (a *away) RoundTrip(r *http.Request) (*http.Response, error) {
	a.tries++
	return &http.Response{
		StatusCode: a.status, Request: r, ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(code("SlowDown"))),
		Header: http.Header{"Retry-After": {a.after}, "Date": {"Wed, 21 Oct 2026 07:28:00 GMT"}},
	}, nil
}

func TestAStoreIsLeftAloneForAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		after  string
		want   time.Duration
		tries  int
	}{
		"seconds of a 503":       {503, "90", 90 * time.Second, 1},
		"seconds of a 429":       {429, "90", 90 * time.Second, 1},
		"a date":                 {503, "Wed, 21 Oct 2026 07:30:00 GMT", 2 * time.Minute, 1},
		"a date of long ago":     {503, "Wed, 21 Oct 2015 07:30:00 GMT", 0, 5},
		"a date in a far future": {503, "Wed, 21 Oct 2099 07:30:00 GMT", 24 * time.Hour, 1},
		"seconds without an end": {503, "99999999", 24 * time.Hour, 1},
		"few seconds":            {503, "5", 5 * time.Second, 5},
		"nothing":                {503, "", 0, 5},
		"nonsense":               {503, "soon", 0, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := &away{status: tt.status, after: tt.after}
				start := time.Now()
				_, _, err := connect(t, network, nil).Get(t.Context(), "k")
				var asked interface{ RetryAfter() time.Duration }
				if !errors.As(err, &asked) || asked.RetryAfter() != tt.want {
					t.Errorf("error %v asks for another wait than %v", err, tt.want)
				}
				if took := time.Since(start); network.tries != tt.tries || took < time.Duration(tt.tries-1)*tt.want {
					t.Errorf("%d tries in %v, want %d", network.tries, took, tt.tries)
				}
			})
		})
	}
}
