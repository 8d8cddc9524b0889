package requestlog_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/reporter/requestlog"
	"github.com/gputally/gputally/reporter/secret"
)

// asks sends one request to a server that answers so, and returns the log.
func asks(t *testing.T, level slog.Level, answer requestlog.Send) string {
	t.Helper()
	var log bytes.Buffer
	now := time.Unix(0, 0)
	send := requestlog.Of(requestlog.Config{
		Server: "the bucket", Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})),
		Now:  func() time.Time { now = now.Add(time.Second); return now },
		Hide: secret.New("hunter2").Hide,
	}, answer)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://user:hunter2@s3.example/books/hunter2/k?X-Amz-Signature=abc", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer hunter2")
	if resp, err := send(r); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	return log.String()
}

func says(status int, text string) requestlog.Send {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
}

// breaking is a body that breaks off.
type breaking struct{ io.Reader }

func (breaking) Close() error { return nil }

func TestARequestIsOneLineOfTheDebugLog(t *testing.T) {
	t.Parallel()
	const begins = `level=DEBUG msg="Asked the bucket" method=PUT url=https://s3.example/books/%3Chidden%3E/k`
	for name, tt := range map[string]struct {
		level  slog.Level
		answer requestlog.Send
		want   string
	}{
		"that is answered": {slog.LevelDebug, says(200, "12345"), " status=200 bytes=5 took=1s\n"},
		"that is refused":  {slog.LevelDebug, says(503, "no"), " status=503 bytes=2 took=1s\n"},
		"without an answer": {slog.LevelDebug, func(*http.Request) (*http.Response, error) {
			return nil, errors.New("no route for hunter2")
		}, ` took=1s err="no route for <hidden>"` + "\n"},
		"whose answer breaks off": {slog.LevelDebug, func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: breaking{io.MultiReader(strings.NewReader("123"), failing{})}}, nil
		}, " status=200 bytes=3 took=1s err=\"unexpected EOF\"\n"},
		"but not of a log of another level": {slog.LevelInfo, says(200, ""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := asks(t, tt.level, tt.answer)
			if tt.want == "" && got != "" || !strings.HasSuffix(got, tt.want) || strings.Count(got, "\n") > 1 {
				t.Errorf("the log is %q, want one line that ends with %q", got, tt.want)
			}
			if tt.want != "" && !strings.Contains(strings.ReplaceAll(got, "<hidden>", "%3Chidden%3E"), begins) {
				t.Errorf("the log is %q, want %s", got, begins)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "Signature") {
				t.Errorf("the log shows a secret: %s", got)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestARequestWithoutAnAnswerIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := asks(t, slog.LevelInfo, func(*http.Request) (*http.Response, error) {
			<-time.After(11 * time.Second)
			synctest.Wait() // until the line is written
			return nil, errors.New("never")
		})
		if !strings.Contains(got, `level=WARN msg="A request to the bucket has no answer yet" method=PUT url=https://s3.example/books/`) ||
			!strings.Contains(got, "for=10s") || strings.Contains(got, "hunter2") {
			t.Errorf("the log is %q", got)
		}
	})
}
