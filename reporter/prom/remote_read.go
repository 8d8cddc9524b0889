package prom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/gputally/gputally/reporter/series"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// remoteRead is the road of chunked remote read.
type remoteRead struct{}

func (remoteRead) name() string { return "remote_read" }

func (remoteRead) read(ctx context.Context, s *server, r request, yield func(series.Series) error) error {
	body, err := encodeRead(r)
	if err != nil {
		return err
	}
	c := call{path: "api/v1/read", body: body, header: http.Header{
		"Content-Type":                     {"application/x-protobuf"},
		"Content-Encoding":                 {"snappy"},
		"X-Prometheus-Remote-Read-Version": {"0.1.0"},
	}}
	return s.exchange(ctx, c, func(resp *http.Response) error {
		if err := streamed(resp.Header.Get("Content-Type")); err != nil {
			return err
		}
		return decodeStream(resp.Body, r, yield)
	})
}

// encodeRead returns the body of a request.
func encodeRead(r request) ([]byte, error) {
	q := &prompb.Query{StartTimestampMs: r.from, EndTimestampMs: r.to}
	for _, m := range r.matchers {
		op := map[series.Op]prompb.LabelMatcher_Type{
			series.Equal:    prompb.LabelMatcher_EQ,
			series.NotEqual: prompb.LabelMatcher_NEQ,
			series.Match:    prompb.LabelMatcher_RE,
			series.NotMatch: prompb.LabelMatcher_NRE,
		}[m.Op]
		q.Matchers = append(q.Matchers, &prompb.LabelMatcher{Type: op, Name: m.Name, Value: m.Value})
	}
	req := prompb.ReadRequest{
		Queries:               []*prompb.Query{q},
		AcceptedResponseTypes: []prompb.ReadRequest_ResponseType{prompb.ReadRequest_STREAMED_XOR_CHUNKS},
	}
	b, err := req.Marshal()
	if err != nil {
		return nil, fmt.Errorf("encoding a remote read: %w", err)
	}
	return snappy.Encode(nil, b), nil
}

// streamed returns an error unless the content type is that of a stream of
// chunks. A server that can't stream answers with all samples in one message.
func streamed(contentType string) error {
	media, params, err := mime.ParseMediaType(contentType)
	if err == nil && media == "application/x-streamed-protobuf" && params["proto"] == "prometheus.ChunkedReadResponse" {
		return nil
	}
	return &Error{Kind: series.Protocol, Err: fmt.Errorf("%w: the answer is of type %q", ErrNotStreamed, contentType)}
}

// decodeStream yields the series of a streamed answer.
func decodeStream(body io.Reader, r request, yield func(series.Series) error) error {
	in := newFrames(body)
	out := &assembler{from: r.from, to: r.to, yield: yield}
	for {
		frame, err := in.next()
		if errors.Is(err, io.EOF) {
			return out.finish()
		} else if err != nil {
			return err
		}
		if err := eachSeries(frame, out.add); err != nil {
			return err
		}
	}
}
