package floor

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// Query says what to read.
type Query struct {
	URL      string    // of the server, without a slash at the end
	Names    string    // of metrics, a regular expression
	Job      string    // of the targets, "" for any
	From, To time.Time // both included
}

// Sum is what was read.
type Sum struct {
	Series, Samples, Stale int
	Total                  float64 // of all values
}

// Add adds another sum.
func (s *Sum) Add(o Sum) {
	s.Series += o.Series
	s.Samples += o.Samples
	s.Stale += o.Stale
	s.Total += o.Total
}

// send sends a request and hands the body of the answer to decode.
func send(req *http.Request, decode func(io.Reader) error) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // what is lacking of it says no less
		return fmt.Errorf("%s: %s: %s", req.URL, resp.Status, text)
	}
	return decode(resp.Body)
}
