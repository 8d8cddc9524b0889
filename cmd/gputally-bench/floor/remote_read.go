package floor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// RemoteRead reads by chunked remote read.
func RemoteRead(ctx context.Context, q Query) (Sum, error) {
	matchers := []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_RE, Name: "__name__", Value: q.Names}}
	if q.Job != "" {
		matchers = append(matchers, &prompb.LabelMatcher{Name: "job", Value: q.Job})
	}
	body, err := (&prompb.ReadRequest{
		AcceptedResponseTypes: []prompb.ReadRequest_ResponseType{prompb.ReadRequest_STREAMED_XOR_CHUNKS},
		Queries: []*prompb.Query{{
			StartTimestampMs: q.From.UnixMilli(), EndTimestampMs: q.To.UnixMilli(), Matchers: matchers,
		}},
	}).Marshal()
	if err != nil {
		return Sum{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.URL+"/api/v1/read", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		return Sum{}, err
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Prometheus-Remote-Read-Version", "0.1.0")
	c := chunks{from: q.From.UnixMilli(), to: q.To.UnixMilli()}
	err = send(req, c.decode)
	return c.sum, err
}

// chunks adds up the samples of a streamed answer.
type chunks struct {
	from, to int64 // chunks reach beyond what was asked for
	sum      Sum
	labels   []prompb.Label // of the latest series, which several frames may carry
	iterator chunkenc.Iterator
}

func (c *chunks) decode(body io.Reader) error {
	in := bufio.NewReaderSize(body, 256<<10)
	table := crc32.MakeTable(crc32.Castagnoli)
	var frame []byte
	for {
		size, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var sum [4]byte
		if _, err := io.ReadFull(in, sum[:]); err != nil {
			return err
		}
		frame = slices.Grow(frame[:0], int(size))[:size]
		if _, err := io.ReadFull(in, frame); err != nil {
			return err
		}
		if crc32.Checksum(frame, table) != binary.BigEndian.Uint32(sum[:]) {
			return errors.New("a frame with a wrong checksum")
		}
		if err := c.frame(frame); err != nil {
			return err
		}
	}
}

func (c *chunks) frame(frame []byte) error {
	var message prompb.ChunkedReadResponse
	if err := message.Unmarshal(frame); err != nil {
		return err
	}
	for _, s := range message.ChunkedSeries {
		if !slices.EqualFunc(c.labels, s.Labels, func(a, b prompb.Label) bool { return a.Name == b.Name && a.Value == b.Value }) {
			c.labels = s.Labels
			c.sum.Series++
		}
		for _, data := range s.Chunks {
			if err := c.chunk(data); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *chunks) chunk(data prompb.Chunk) error {
	chunk, err := chunkenc.FromData(chunkenc.Encoding(data.Type), data.Data)
	if err != nil {
		return err
	}
	c.iterator = chunk.Iterator(c.iterator)
	for c.iterator.Next() == chunkenc.ValFloat {
		switch t, v := c.iterator.At(); {
		case t < c.from || t > c.to:
		case value.IsStaleNaN(v):
			c.sum.Stale++
		default:
			c.sum.Samples++
			c.sum.Total += v
		}
	}
	if err := c.iterator.Err(); err != nil {
		return fmt.Errorf("a chunk that does not decode: %w", err)
	}
	return nil
}
