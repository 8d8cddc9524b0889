package prom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"
)

// Config says which server to read and how gently.
type Config struct {
	// URL is the server's base, with its path prefix if it has one: what
	// comes before /api/v1.
	URL string
	// HTTP has credentials, TLS, headers and proxy. The zero value works, but
	// follows no redirects; config.DefaultHTTPClientConfig does.
	HTTP config.HTTPClientConfig
	// Timeout bounds one attempt from the request to the last byte of the
	// answer, with the time that the reader of the series takes. 0 means 2 minutes.
	Timeout time.Duration
	// Selector is added to every read, to pick a cluster or a job from a
	// server of many.
	Selector []Matcher
	// MaxConcurrent bounds the requests at one time. 0 means 2.
	MaxConcurrent int
	// Logger hears of attempts that failed and are made again. May be nil.
	Logger *slog.Logger
	// Retry says when to try again.
	Retry Retry
}

func (c *Config) defaults() {
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = 2
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Retry.defaults()
}

// Client reads series from one server. It may be used by many goroutines.
type Client struct {
	server   *server
	road     road
	selector []Matcher
}

// New returns a Client. It sends nothing yet.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	if err := cfg.HTTP.Validate(); err != nil {
		return nil, fmt.Errorf("HTTP settings for %s: %w", base.Redacted(), err)
	}
	if cfg.MaxConcurrent < 0 || cfg.Timeout < 0 {
		return nil, errors.New("number of reads at once and timeout must not be negative")
	}
	hc, err := config.NewClientFromConfig(cfg.HTTP, "prometheus", config.WithUserAgent("gputally-reporter"))
	if err != nil {
		return nil, fmt.Errorf("HTTP settings for %s: %w", base.Redacted(), err)
	}
	cfg.defaults()
	return &Client{
		server: &server{
			base:    base,
			http:    hc,
			timeout: cfg.Timeout,
			slots:   make(chan struct{}, cfg.MaxConcurrent),
			retry:   cfg.Retry,
			log:     cfg.Logger,
		},
		road:     remoteRead{},
		selector: slices.Clone(cfg.Selector),
	}, nil
}

// Road names the way in which samples are read, such as "remote_read".
func (c *Client) Road() string { return c.road.name() }

// Read calls yield with every series that the query and the Client's selector
// pick and that has a sample or a staleness marker in the query's range; both
// ends of the range are included. A Series is valid only during the call.
//
// A series comes whole. Equal label sets that follow each other are one series.
// A server may in rare cases (external labels) send a label set again after
// others; then it is yielded again, so a reader that adds up must merge by its
// own key.
//
// An error of yield stops the reading and is returned as it is. After any error
// what was yielded is only a part, and the caller must start again.
// yield must not call Read of the same Client, which could wait for itself.
// Errors: *Error, the context's, yield's.
func (c *Client) Read(ctx context.Context, q Query, yield func(Series) error) error {
	if len(q.Matchers) == 0 {
		return errors.New("a query without a matcher would read everything")
	}
	r := request{
		from:     q.From.Add(time.Millisecond - 1).UnixMilli(), // rounded up: no earlier than From
		to:       q.To.UnixMilli(),
		matchers: slices.Concat(q.Matchers, c.selector),
	}
	if r.from > r.to {
		return fmt.Errorf("query from %s to %s: empty range", q.From, q.To)
	}
	var stopped error
	yielded := false
	err := c.server.retry.do(ctx, c.server.log, func() (again bool, err error) {
		err = c.road.read(ctx, c.server, r, func(s Series) error {
			yielded = true
			stopped = yield(s)
			return stopped
		})
		return !yielded, err
	})
	if stopped != nil {
		return stopped
	}
	return err
}

// parseBase returns the base URL without a slash at the end.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		// The text of the error has the URL, which may have a password.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("URL of the metrics server: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("URL of the metrics server %q: must begin with http:// or https://", u.Redacted())
	case u.Host == "":
		return nil, fmt.Errorf("URL of the metrics server %q: has no host", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("URL of the metrics server %q: must end with the path", u.Redacted())
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}
