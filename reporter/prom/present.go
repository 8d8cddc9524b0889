package prom

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/gputally/gputally/reporter/series"
)

// Present reports whether the server may have samples that a query picks, with the
// Client's selector. It reads none of them: a server looks into its indexes, which are
// coarse, so it may say yes where there is nothing, but not no where there is
// something. A server that has no such question is read up to the first series.
// Errors: *Error, the context's.
func (c *Client) Present(ctx context.Context, q series.Query) (bool, error) {
	r, err := c.request(q)
	if err != nil {
		return false, err
	}
	form := url.Values{
		"match[]": {selector(r.matchers)},
		"start":   {seconds(max(r.from, 0))}, "end": {seconds(max(r.to, 0))}, // some servers know no time before 1970
		"limit":            {"1"},
		"partial_response": {"false"}, denyPartial: {"1"},
	}
	var found []json.RawMessage
	err = c.server.api(ctx, "api/v1/series", form.Encode(), &found)
	switch {
	case errors.Is(err, series.Limit): // an old server knows no limit, and has very many
		return true, nil
	case missing(err):
		return c.hasFirst(ctx, q)
	}
	return len(found) > 0, err
}

// errEnough ends a reading that has found what it looks for.
var errEnough = errors.New("enough")

// hasFirst is Present by reading.
func (c *Client) hasFirst(ctx context.Context, q series.Query) (bool, error) {
	err := c.Read(ctx, q, func(series.Series) error { return errEnough })
	if errors.Is(err, errEnough) || errors.Is(err, series.Limit) {
		return true, nil
	}
	return false, err
}
