package prom

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gputally/gputally/reporter/series"
)

// apiLimit bounds an answer of the JSON API in bytes; what is asked here is
// small.
const apiLimit = 1 << 20

// api gets a path of the server's JSON API and decodes its data.
func (s *server) api(ctx context.Context, path, query string, into any) error {
	c := call{path: path, query: query, header: http.Header{"Accept": {"application/json"}}}
	return s.retry.do(ctx, s.log, func() (bool, error) {
		return true, s.exchange(ctx, c, func(resp *http.Response) error {
			body, err := io.ReadAll(io.LimitReader(resp.Body, apiLimit))
			if err != nil {
				return &bodyError{err}
			}
			if len(body) == apiLimit {
				return &Error{Kind: series.Limit, Err: fmt.Errorf("the answer has more than %d bytes", apiLimit)}
			}
			var answer struct {
				Status string          `json:"status"`
				Error  string          `json:"error"`
				Data   json.RawMessage `json:"data"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				return garbled("answer is not of the Prometheus API: %w", err)
			}
			if answer.Status != "success" {
				return &Error{Kind: series.Failed, Message: answer.Error}
			}
			if err := json.Unmarshal(answer.Data, into); err != nil {
				return garbled("answer is not of the Prometheus API: %w", err)
			}
			return nil
		})
	})
}

// now asks the server for its time.
func (s *server) now(ctx context.Context) (time.Time, error) {
	var scalar struct {
		Result []any `json:"result"` // Unix seconds twice, as a number and as a text
	}
	if err := s.api(ctx, "api/v1/query", "query=time()", &scalar); err != nil {
		return time.Time{}, fmt.Errorf("asking for the server's time: %w", err)
	}
	if len(scalar.Result) == 2 {
		if text, ok := scalar.Result[1].(string); ok {
			if seconds, err := strconv.ParseFloat(text, 64); err == nil {
				return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
			}
		}
	}
	return time.Time{}, &Error{URL: withoutUser(s.base), Kind: series.Protocol, Err: fmt.Errorf("time() is %v", scalar.Result)}
}
