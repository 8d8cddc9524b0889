package prom

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/gputally/gputally/reporter/series"
)

// export is the road of VictoriaMetrics' export: a JSON object a line, each a
// series with its values and its times apart.
type export struct{}

func (export) name() string { return "export" }

func (export) read(ctx context.Context, s *server, r request, yield func(series.Series) error) error {
	form := url.Values{
		"match[]": {selector(r.matchers)},
		// The server takes seconds as floats and cuts off what is below a
		// millisecond, so a time may become the millisecond before it. One more
		// is asked for on both sides, which the decoder cuts off again.
		"start": {seconds(r.from - 1)},
		"end":   {seconds(r.to + 1)},

		denyPartial: {"1"},
	}
	return s.exchange(ctx, formCall("api/v1/export", form), func(resp *http.Response) error {
		if err := typed(resp.Header, "application/stream+json"); err != nil {
			return err
		}
		return decodeLines(resp.Body, r, yield)
	})
}

// decodeLines yields the series of an export.
func decodeLines(body io.Reader, r request, yield func(series.Series) error) error {
	in := newScanner(body)
	out := lineSeries{in: in, points: points{from: r.from, to: r.to}, yield: yield}
	for {
		if end, err := in.atEnd(); end || err != nil {
			return err
		}
		if err := out.line(); err != nil {
			return err
		}
	}
}
