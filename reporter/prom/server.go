package prom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/retryafter"
	"github.com/gputally/gputally/reporter/secret"
	"github.com/gputally/gputally/reporter/series"
)

// messageLimit bounds, in bytes, how much of a server's error text is read. Less
// of it is shown, see shown.
const messageLimit = 16 << 10

// server is the other side of a Client.
type server struct {
	base    *url.URL
	hidden  *secret.Set // what the configuration says of credentials
	http    *http.Client
	timeout time.Duration
	slots   chan struct{} // one is held for the time of a request
	retry   Retry
	log     *slog.Logger
	found   func(server, road string)
}

// call is what is sent to a server: a POST if it has a body, else a GET.
type call struct {
	path   string // below the base
	query  string // encoded, "" if none
	header http.Header
	body   []byte
}

// exchange sends a call and hands an answer of status 200 to handle. All
// errors but those of the context are *Error, unless handle returns another
// that is not of reading the body.
func (s *server) exchange(ctx context.Context, c call, handle func(*http.Response) error) error {
	target := s.base.JoinPath(c.path)
	target.RawQuery = c.query
	shown := withoutUser(target)
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return s.lost(ctx, shown, ctx.Err())
	}
	defer func() { <-s.slots }()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()

	method := http.MethodGet
	if c.body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(c.body))
	if err != nil {
		return fmt.Errorf("request to %s: %w", shown, err)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return s.lost(ctx, shown, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e := refusal(shown, resp)
		s.shown(e, resp)
		return e
	}
	if name := partialHeader(resp.Header); name != "" {
		e := partial("header " + name)
		e.URL, e.Status = shown, resp.StatusCode
		s.shown(e, resp)
		return e
	}
	err = handle(resp)
	var e *Error
	var broken *bodyError
	switch {
	case errors.As(err, &e):
		if e.URL == "" {
			e.URL, e.Status = shown, resp.StatusCode
			s.shown(e, resp)
		}
		return err
	case errors.As(err, &broken):
		return s.lost(ctx, shown, broken.err)
	}
	return err
}

// bodyError is an error of reading the body of an answer.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "reading the answer: " + e.err.Error() }

// lost returns the error of an exchange that ended without a whole answer.
func (s *server) lost(ctx context.Context, shown string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the URL, which may have credentials
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{URL: shown, Kind: series.Timeout, Err: context.DeadlineExceeded}
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", shown, ctx.Err())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{URL: shown, Kind: series.Protocol, Err: fmt.Errorf("%w: %w", ErrTruncated, err), retry: true}
	}
	return &Error{URL: shown, Kind: series.Unreachable, Err: s.hidden.Error(err), retry: true}
}

// refusal returns the error of an answer that is not of status 200.
func refusal(shown string, resp *http.Response) *Error {
	// A text that can't be read leaves the status, which says enough.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, messageLimit))
	text = spoken(text)
	e := &Error{
		URL:     shown,
		Status:  resp.StatusCode,
		Kind:    kindOf(resp.StatusCode, string(text)),
		Message: string(text),
		after:   retryafter.Of(resp.Header),
	}
	// A limit stays a limit: the same request would meet it again.
	e.retry = e.Status == http.StatusTooManyRequests || e.Kind == series.Partial || e.Status >= 500 && e.Kind != series.Limit
	if resp.Header.Get("Location") != "" && e.Status/100 == 3 {
		e.Err = elsewhere(resp)
	}
	return e
}

// kept is as much of a text as is read of any message.
func kept(text []byte) string { return string(text[:min(len(text), messageLimit)]) }

// spoken is the message in the text of an answer, which the JSON API wraps.
func spoken(text []byte) []byte {
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err == nil && answer.Error != "" {
		return []byte(answer.Error)
	}
	return text
}

// typed returns an Error unless the answer is of one of the content types.
func typed(h http.Header, want ...string) error {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || !slices.Contains(want, media) {
		return garbled("the answer is of type %q, not %s", h.Get("Content-Type"), want[0])
	}
	return nil
}

// partialHeader returns the name of a header that tells of a partial answer, ""
// if there is none.
func partialHeader(h http.Header) string {
	for name := range h {
		if strings.Contains(strings.ToLower(name), "partial") && strings.EqualFold(h.Get(name), "true") {
			return name
		}
	}
	return ""
}

// withoutUser returns the URL without name and password.
func withoutUser(u *url.URL) string {
	shown := *u
	shown.User = nil
	return shown.String()
}
