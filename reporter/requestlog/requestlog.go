package requestlog

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// slowAfter is when a request without an answer is named in the log.
const slowAfter = 10 * time.Second

// Config says what to log, and where.
type Config struct {
	Server string // what is asked, in words: "the bucket"
	Log    *slog.Logger
	Now    func() time.Time         // clock of the durations; nil: they are left out
	Hide   func(text string) string // takes secrets out of a text
}

// Send sends a request, as (*http.Client).Do and (http.RoundTripper).RoundTrip do.
type Send func(*http.Request) (*http.Response, error)

// Do makes it what the AWS SDK takes for an HTTP client.
func (send Send) Do(r *http.Request) (*http.Response, error) { return send(r) }

// RoundTrip makes it an http.RoundTripper.
func (send Send) RoundTrip(r *http.Request) (*http.Response, error) { return send(r) }

// Of returns send with lines in the log.
func Of(c Config, send Send) Send {
	return func(r *http.Request) (*http.Response, error) {
		at := c.url(r.URL)
		slow := time.AfterFunc(slowAfter, func() {
			c.Log.Warn("A request to "+c.Server+" has no answer yet", "method", r.Method, "url", at, "for", slowAfter)
		})
		defer slow.Stop()
		if !c.Log.Enabled(r.Context(), slog.LevelDebug) {
			return send(r)
		}
		l := &line{cfg: c, method: r.Method, url: at}
		if c.Now != nil {
			l.began = c.Now()
		}
		resp, err := send(r)
		if err != nil {
			l.end(err)
			return resp, err
		}
		l.status = resp.StatusCode
		resp.Body = &body{resp.Body, l}
		return resp, nil
	}
}

// url shows where a request goes.
func (c Config) url(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return c.Hide(shown.String())
}

// line is that of one request.
type line struct {
	cfg         Config
	method, url string
	began       time.Time
	status      int
	bytes       int64
	once        sync.Once
}

// end writes the line when the request is over. err is nil for one that was answered.
func (l *line) end(err error) {
	l.once.Do(func() {
		fields := []any{"method", l.method, "url", l.url}
		if l.status != 0 {
			fields = append(fields, "status", l.status, "bytes", l.bytes)
		}
		if l.cfg.Now != nil {
			fields = append(fields, "took", l.cfg.Now().Sub(l.began))
		}
		if err != nil {
			fields = append(fields, "err", l.cfg.Hide(err.Error()))
		}
		l.cfg.Log.Debug("Asked "+l.cfg.Server, fields...)
	})
}

// body is the body of an answer. Its end is that of the request.
type body struct {
	io.ReadCloser
	line *line
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.line.bytes += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		b.line.end(nil)
	case err != nil:
		b.line.end(err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.line.end(nil)
	return err
}
