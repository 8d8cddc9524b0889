package prom

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

// statusRange is how far back Status looks for samples.
const statusRange = 10 * time.Minute

// Status is what a server tells about itself and about what it was asked for.
type Status struct {
	Time      time.Time // the server's clock
	Version   string    // as the server tells it, "" if it doesn't; to be shown, never parsed
	Retention string    // as the server tells it, such as "15d"; "" if it doesn't

	// Road is the way in which samples can be read. It is "" if there is none;
	// then RoadErr says why, and the fields below are empty.
	Road    string
	RoadErr error

	Families []Family // in the order in which they were asked for
	// Balanced tells that the same question is answered in turns by replicas
	// with other samples. They must be read each by its own URL.
	Balanced bool
	// ScrapeInterval is the median distance of the samples of one series, the
	// one with the most; 0 if no series has three.
	ScrapeInterval time.Duration
}

// Family is a metric family and the number of its series that have samples in
// the last ten minutes.
type Family struct {
	Name   string
	Series int
}

// Status asks the server what it is and reads the last ten minutes of the named
// families in the way in which all is read, so that the Client's selector and
// the server's external labels act as they will later.
//
// The error is of a server that can't be reached or refuses; a server that
// answers but gives no samples is a Status with RoadErr.
func (c *Client) Status(ctx context.Context, families []string) (Status, error) {
	var st Status
	var err error
	if st.Time, err = c.server.now(ctx); err != nil {
		return Status{}, err
	}
	if st.Version, err = c.version(ctx); err != nil {
		return Status{}, err
	}
	if st.Retention, err = c.retention(ctx); err != nil {
		return Status{}, err
	}
	found, err := c.recent(ctx, st.Time, families)
	if err == nil && len(found.longest) > 0 {
		st.Balanced, err = c.balanced(ctx, found.longest, st.Time)
	}
	if err != nil && !answered(err) {
		return Status{}, err
	}
	st.RoadErr = err
	if err == nil {
		st.Road, st.ScrapeInterval = c.Road(), found.interval
		for _, name := range families {
			st.Families = append(st.Families, Family{Name: name, Series: found.series[name]})
		}
	}
	return st, nil
}

// version returns "" for a server that has no build information to tell.
func (c *Client) version(ctx context.Context) (string, error) {
	var info struct {
		Version string `json:"version"`
	}
	err := optional(c.server.api(ctx, "api/v1/status/buildinfo", "", &info))
	return c.server.hidden.Line(info.Version), err
}

// retention returns "" for a server that does not tell.
func (c *Client) retention(ctx context.Context) (string, error) {
	var info struct {
		Retention string `json:"storageRetention"`
	}
	err := optional(c.server.api(ctx, "api/v1/status/runtimeinfo", "", &info))
	if err != nil || info.Retention != "" {
		return c.server.hidden.Line(info.Retention), err
	}
	// Servers before 3.0 whose limit is a default tell it only among the flags.
	flags := map[string]string{}
	err = optional(c.server.api(ctx, "api/v1/status/flags", "", &flags))
	return c.server.hidden.Line(flags["storage.tsdb.retention.time"]), err
}

// answered reports whether the error is of a server that is there and knows who
// asks.
func answered(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind != series.Unreachable && e.Kind != series.Unauthorized
}

// optional drops the error of a server that does not have what was asked, as
// most servers other than Prometheus.
func optional(err error) error {
	var e *Error
	if errors.As(err, &e) && (e.Kind == series.Rejected || e.Kind == series.Protocol || e.Kind == series.Failed) {
		return nil
	}
	return err
}

// recent is what the last minutes hold.
type recent struct {
	series   map[string]int // by family
	longest  series.Labels  // of the series with the most samples, if they are three
	interval time.Duration  // between the samples of that
	most     int            // samples of that
}

func (c *Client) recent(ctx context.Context, now time.Time, families []string) (*recent, error) {
	if len(families) == 0 {
		return nil, errors.New("no families to look for")
	}
	names := make([]string, len(families))
	for i, name := range families {
		names[i] = regexp.QuoteMeta(name)
	}
	found := &recent{series: map[string]int{}}
	err := c.Read(ctx, series.Query{
		From:     now.Add(-statusRange),
		To:       now,
		Matchers: []series.Matcher{{Name: series.NameLabel, Op: series.Match, Value: strings.Join(names, "|")}},
	}, func(s series.Series) error {
		if len(s.Samples) > 0 {
			found.series[s.Labels.Get(series.NameLabel)]++
		}
		if len(s.Samples) > max(found.most, 2) {
			found.most, found.interval = len(s.Samples), medianStep(s.Samples)
			found.longest = append(found.longest[:0], s.Labels...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the last %v: %w", statusRange, err)
	}
	return found, nil
}

// medianStep is the median distance of neighbours: lost scrapes don't matter.
func medianStep(samples []series.Sample) time.Duration {
	steps := make([]int64, 0, len(samples)-1)
	for i := 1; i < len(samples); i++ {
		steps = append(steps, samples[i].T-samples[i-1].T)
	}
	slices.Sort(steps)
	return time.Duration(steps[len(steps)/2]) * time.Millisecond
}
