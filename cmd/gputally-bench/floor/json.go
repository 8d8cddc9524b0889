package floor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// JSON reads the same by an instant query for raw samples. It knows the layout
// that Prometheus writes, to the byte, and no other. The query leaves out a
// sample that is exactly as old as From; servers before 3 do not.
func JSON(ctx context.Context, q Query) (Sum, error) {
	matchers := fmt.Sprintf("__name__=~%q", q.Names)
	if q.Job != "" {
		matchers += fmt.Sprintf(",job=%q", q.Job)
	}
	form := url.Values{
		"query": {fmt.Sprintf("{%s}[%dms]", matchers, q.To.Sub(q.From).Milliseconds())},
		"time":  {q.To.Format(time.RFC3339Nano)},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.URL+"/api/v1/query", bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return Sum{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var sum Sum
	err = send(req, func(body io.Reader) error { return sum.matrix(bufio.NewReaderSize(body, 256<<10)) })
	return sum, err
}

// errLayout says that an answer is not written as Prometheus does.
var errLayout = errors.New("not the JSON that Prometheus writes")

// matrix adds up an answer.
func (s *Sum) matrix(in *bufio.Reader) error {
	const head = `{"status":"success","data":{"resultType":"matrix","result":[`
	start := make([]byte, len(head))
	if _, err := io.ReadFull(in, start); err != nil || string(start) != head {
		return fmt.Errorf("%w: it begins with %q", errLayout, start)
	}
	for {
		c, err := in.ReadByte()
		switch {
		case err != nil:
			return err
		case c == ']':
			return nil
		case c == ',':
			continue
		case c != '{':
			return fmt.Errorf("%w: %q where a series begins", errLayout, c)
		}
		if err := s.series(in); err != nil {
			return err
		}
	}
}

// series reads `"metric":{…},"values":[[1.5,"2"],…]}`; no label has a brace.
func (s *Sum) series(in *bufio.Reader) error {
	if _, err := in.ReadSlice('}'); err != nil {
		return err
	}
	if _, err := in.Discard(len(`,"values":[`)); err != nil {
		return err
	}
	s.Series++
	for {
		pair, err := in.ReadSlice(']')
		if err != nil {
			return err
		}
		if err := s.pair(pair); err != nil {
			return err
		}
		if c, err := in.ReadByte(); err != nil {
			return err
		} else if c != ',' {
			_, err := in.Discard(len("}"))
			return err
		}
	}
}

// pair reads `[1.5,"2"]`.
func (s *Sum) pair(pair []byte) error {
	at, v, ok := bytes.Cut(pair, []byte(`,"`))
	if !ok || len(at) < 2 || len(v) < 3 {
		return fmt.Errorf("%w: %q where a sample is", errLayout, pair)
	}
	if _, err := strconv.ParseFloat(string(at[1:]), 64); err != nil {
		return err
	}
	number, err := strconv.ParseFloat(string(v[:len(v)-2]), 64)
	if err != nil {
		return err
	}
	s.Samples++
	s.Total += number
	return nil
}
