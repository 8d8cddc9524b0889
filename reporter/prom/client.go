package prom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/requestlog"
	"github.com/gputally/gputally/reporter/secret"
	"github.com/gputally/gputally/reporter/series"

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
	Selector []series.Matcher
	// MaxConcurrent bounds the requests at one time. 0 means 2.
	MaxConcurrent int
	// Logger hears of requests, and of attempts that failed and are made again. May be nil.
	Logger *slog.Logger
	// Now is the clock of the log's durations. nil: they are left out.
	Now func() time.Time
	// Retry says when to try again.
	Retry Retry
	// Found hears of the way to read raw samples that was found on a server, whose
	// URL comes without credentials. May be nil.
	Found func(server, road string)
	// Dated hears, with each answer, what time it is for the server, to the second.
	// May be nil.
	Dated func(at time.Time)
	// Road is the way in which samples are read: "remote_read", "export" or
	// "json". "" and "auto" find out what the server has.
	Road string
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
	if c.Found == nil {
		c.Found = func(string, string) {}
	}
	c.Retry.defaults()
}

// Client reads series from one server. It may be used by many goroutines.
type Client struct {
	server   *server
	fresh    *http.Client // makes a new connection for each request
	finder   *finder
	selector []series.Matcher
}

// New returns a Client. It sends nothing yet.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	if a := cfg.HTTP.Authorization; a != nil {
		own := *a // Validate writes into it, and others may read the caller's
		cfg.HTTP.Authorization = &own
	}
	if err := cfg.HTTP.Validate(); err != nil {
		return nil, fmt.Errorf("HTTP settings for %s: %w", base.Redacted(), err)
	}
	if cfg.MaxConcurrent < 0 || cfg.Timeout < 0 {
		return nil, errors.New("number of reads at once and timeout must not be negative")
	}
	finder, err := newFinder(cfg.Road)
	if err != nil {
		return nil, err
	}
	cfg.defaults()
	hidden := secret.New(credentials(base, cfg.HTTP)...)
	requests := requestlog.Config{Server: "the metrics server", Log: cfg.Logger, Now: cfg.Now, Hide: hidden.Hide}
	hc, err := httpClient(base, cfg, requests)
	if err != nil {
		return nil, fmt.Errorf("HTTP settings for %s: %w", base.Redacted(), err)
	}
	// Its connections are used once, so that a Service chooses again each time.
	fresh, err := httpClient(base, cfg, requests, config.WithKeepAlivesDisabled())
	if err != nil {
		return nil, fmt.Errorf("HTTP settings for %s: %w", base.Redacted(), err)
	}
	return &Client{
		server: &server{
			base:    base,
			hidden:  hidden,
			http:    hc,
			timeout: cfg.Timeout,
			slots:   make(chan struct{}, cfg.MaxConcurrent),
			retry:   cfg.Retry,
			log:     cfg.Logger,
			found:   cfg.Found,
		},
		fresh:    fresh,
		finder:   finder,
		selector: slices.Clone(cfg.Selector),
	}, nil
}

// connectTimeout bounds the time to get a connection: the machine of a replica
// that is gone answers nothing, which must not take a read's whole time.
const connectTimeout = 10 * time.Second

func httpClient(base *url.URL, all Config, requests requestlog.Config, options ...config.HTTPClientOption) (*http.Client, error) {
	cfg := all.HTTP
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	options = append(options, config.WithUserAgent("gputally-reporter"), config.WithDialContextFunc(dialer.DialContext))
	client, err := config.NewClientFromConfig(cfg, "prometheus", options...)
	if err != nil {
		return nil, err
	}
	if cfg.FollowRedirects {
		client.CheckRedirect = redirects(identify(base, cfg))
	}
	client.Transport = requestlog.Of(requests, dated(all.Dated, client.Transport.RoundTrip))
	return client, nil
}

// Road names the way in which samples are read, such as "remote_read"; "" as
// long as it is not known, which is until the first read.
func (c *Client) Road() string {
	if r := c.finder.road(); r != nil {
		return r.name()
	}
	return ""
}

// Read calls yield with every series that the query and the Client's selector
// pick and that has a sample or a staleness marker in the query's range; both
// ends of the range are included. A Series is valid only during the call.
//
// A server may send a label set again after others, with other samples; then it
// is yielded again, so a reader that adds up must merge by its own key. Within
// one call nothing comes twice.
//
// An error of yield stops the reading and is returned as it is. After any error
// what was yielded is only a part, and the caller must start again.
// yield must not call Read of the same Client, which could wait for itself.
// Errors: *Error, the context's, yield's.
func (c *Client) Read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	err := c.read(ctx, q, yield)
	if c.silent(ctx, q, err) {
		return c.noAnswer()
	}
	return err
}

// read is Read, but a server that hangs took too long.
func (c *Client) read(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	return c.readFrom(ctx, c.server, q, yield)
}

// readOnce is Read, but nothing is tried again.
func (c *Client) readOnce(ctx context.Context, q series.Query, yield func(series.Series) error) error {
	s := *c.server
	s.retry.Tries = 1
	return c.readFrom(ctx, &s, q, yield)
}

// readFrom is Read from the Client's server, as it is handed in.
func (c *Client) readFrom(ctx context.Context, s *server, q series.Query, yield func(series.Series) error) error {
	r, err := c.request(q)
	if err != nil {
		return err
	}
	way, err := c.finder.find(ctx, s, r.to)
	if err != nil {
		return err
	}
	a := &attempt{restart: q.Restart, yield: yield}
	err = a.read(ctx, s, way, r)
	if a.stopped != nil {
		return a.stopped
	}
	if !missing(err) || !c.finder.forget(way) {
		return err
	}
	// The server may be another one behind the same URL, or have lost the road.
	other, findErr := c.finder.find(ctx, s, r.to)
	if findErr != nil || other == way || !a.again() {
		return err
	}
	if err := a.read(ctx, s, other, r); a.stopped == nil {
		return err
	}
	return a.stopped
}

// attempt is one Read, on whatever road.
type attempt struct {
	restart func() // nil: what was yielded can't be taken back
	yield   func(series.Series) error
	yielded bool
	stopped error // yield's
}

// again tells whether the reading may begin once more.
func (a *attempt) again() bool { return a.stopped == nil && (!a.yielded || a.restart != nil) }

// read reads on a road, and tries again what may pass.
func (a *attempt) read(ctx context.Context, s *server, way road, r request) error {
	return s.retry.do(ctx, s.log, func() (bool, error) {
		if a.yielded {
			a.restart()
			a.yielded = false
		}
		err := way.read(ctx, s, r, func(got series.Series) error {
			a.yielded = true
			a.stopped = a.yield(got)
			return a.stopped
		})
		return a.again(), err
	})
}

// request is the query with the Client's selector.
func (c *Client) request(q series.Query) (request, error) {
	if len(q.Matchers) == 0 {
		return request{}, errors.New("a query without a matcher would read everything")
	}
	r := request{
		from:     q.From.Add(time.Millisecond - 1).UnixMilli(), // rounded up: no earlier than From
		to:       q.To.UnixMilli(),
		matchers: slices.Concat(q.Matchers, c.selector),
	}
	if r.from > r.to {
		return request{}, fmt.Errorf("query from %s to %s: empty range", q.From, q.To)
	}
	for _, m := range r.matchers {
		if m.Op < series.Equal || m.Op > series.NotMatch {
			return request{}, fmt.Errorf("matcher of label %q: no comparison %d", m.Name, m.Op)
		}
	}
	return r, nil
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
