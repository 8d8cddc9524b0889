//go:build real

package s3_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/bucket"
	"github.com/gputally/gputally/reporter/bucket/s3"
)

// badLine is a network that delivers every request, but spoils the first
// answers to those that match.
type badLine struct {
	matches func(*http.Request) bool
	spoil   func(*http.Response) (*http.Response, error)

	mu    sync.Mutex
	times int // how many answers are still to be spoiled
}

func (l *badLine) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !l.matches(r) {
		return resp, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times == 0 {
		return resp, nil
	}
	l.times--
	return l.spoil(resp)
}

func (l *badLine) used() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times == 0
}

// lose drops the answer after the request has been carried out.
func lose(resp *http.Response) (*http.Response, error) {
	_ = resp.Body.Close()
	return nil, errors.New("connection reset by peer")
}

// mask puts the error of a proxy in the answer's place.
func mask(resp *http.Response) (*http.Response, error) {
	_ = resp.Body.Close()
	resp.StatusCode, resp.Body, resp.ContentLength = http.StatusBadGateway, io.NopCloser(strings.NewReader("")), 0
	return resp, nil
}

// cut ends the body in the middle.
func cut(resp *http.Response) (*http.Response, error) {
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(resp.Body, 1000), failing{}), resp.Body}
	return resp, nil
}

// books starts a server with one bucket.
func books(t *testing.T) (*s3server.Server, s3.Config) {
	t.Helper()
	server := startServer(t, s3server.Start, t.TempDir())
	if err := server.CreateBucket(t.Context(), "books"); err != nil {
		t.Fatal(err)
	}
	return server, settings(server, "books")
}

// final matches the request that makes an object appear.
func final(r *http.Request) bool {
	q := r.URL.Query()
	return r.Method == http.MethodPut && !q.Has("partNumber") || r.Method == http.MethodPost && q.Has("uploadId")
}

func TestAPutWhoseAnswerIsLostIsNoConflictWithItself(t *testing.T) {
	t.Parallel()
	_, cfg := books(t)
	sound := open(t, cfg)
	for name, spoil := range map[string]func(*http.Response) (*http.Response, error){"lost": lose, "masked by a proxy": mask} {
		for kind, size := range map[string]int{"small": 10, "big": 17 << 20} {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				key := "state/" + kind + "/" + name
				for step, cond := range []func(bucket.Object) bucket.Condition{
					func(bucket.Object) bucket.Condition { return bucket.Condition{Absent: true} },
					func(there bucket.Object) bucket.Condition { return bucket.Condition{ETag: there.ETag} },
					func(bucket.Object) bucket.Condition { return bucket.Condition{} },
				} {
					var there bucket.Object
					if step > 0 {
						_, there = read(t, sound, key)
					}
					line := &badLine{matches: final, spoil: spoil, times: 1}
					bad := cfg
					bad.HTTPClient = &http.Client{Transport: line}
					content := strings.Repeat(string(rune('a'+step)), size)
					obj, err := bucket.PutBytes(t.Context(), open(t, bad), key, []byte(content), cond(there))
					if err != nil || !line.used() {
						t.Fatalf("step %d: %v, answer lost: %v", step, err, line.used())
					}
					if got, stored := read(t, sound, key); got != content || stored.ETag != obj.ETag {
						t.Errorf("step %d: stored %+v, put returned %+v", step, stored, obj)
					}
				}
				// Another one's object stays a conflict when the answer is lost.
				bad := cfg
				bad.HTTPClient = &http.Client{Transport: &badLine{matches: final, spoil: spoil, times: 1}}
				_, err := bucket.PutBytes(t.Context(), open(t, bad), key, make([]byte, size), bucket.Condition{Absent: true})
				if !errors.Is(err, bucket.ErrConflict) {
					t.Errorf("create over another one's object: %v", err)
				}
			})
		}
	}
}

func read(t *testing.T, b bucket.Bucket, key string) (string, bucket.Object) {
	t.Helper()
	data, obj, err := bucket.ReadAll(t.Context(), b, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), obj
}

func TestADeleteWhoseAnswerIsLostSucceeds(t *testing.T) {
	t.Parallel()
	_, cfg := books(t)
	obj, err := bucket.PutBytes(t.Context(), open(t, cfg), "lease", []byte("mine"), bucket.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	line := &badLine{matches: func(r *http.Request) bool { return r.Method == http.MethodDelete }, spoil: lose, times: 1}
	cfg.HTTPClient = &http.Client{Transport: line}
	if err := open(t, cfg).Delete(t.Context(), "lease", bucket.Condition{ETag: obj.ETag}); err != nil || !line.used() {
		t.Errorf("delete: %v, answer lost: %v", err, line.used())
	}
}

func TestAnObjectThatBreaksOffIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	_, cfg := books(t)
	if _, err := bucket.PutBytes(t.Context(), open(t, cfg), "ledger/usage", make([]byte, 100_000), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	line := &badLine{matches: func(r *http.Request) bool { return r.Method == http.MethodGet }, spoil: cut, times: 1}
	cfg.HTTPClient = &http.Client{Transport: line}
	_, _, err := bucket.ReadAll(t.Context(), open(t, cfg), "ledger/usage")
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "s3://books/ledger/usage") {
		t.Errorf("error %v", err)
	}
}

// flip changes a bit on the way.
func flip(resp *http.Response) (*http.Response, error) {
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	data[0] ^= 1
	resp.Body = io.NopCloser(strings.NewReader(string(data)))
	return resp, nil
}

func TestAnObjectThatWasChangedOnTheWayIsAnError(t *testing.T) {
	t.Parallel()
	_, cfg := books(t)
	if _, err := bucket.PutBytes(t.Context(), open(t, cfg), "k", make([]byte, 1000), bucket.Condition{}); err != nil {
		t.Fatal(err)
	}
	line := &badLine{matches: func(r *http.Request) bool { return r.Method == http.MethodGet }, spoil: flip, times: 1}
	cfg.HTTPClient = &http.Client{Transport: line}
	if _, _, err := bucket.ReadAll(t.Context(), open(t, cfg), "k"); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v", err)
	}
}
