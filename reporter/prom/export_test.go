package prom

import (
	"io"

	"github.com/gputally/gputally/reporter/series"
)

// DecodeStream is the decoder of a streamed answer, for the fuzz test.
func DecodeStream(body io.Reader, from, to int64, yield func(series.Series) error) error {
	return decodeStream(body, request{from: from, to: to}, yield)
}

// DecodeMatrix is the decoder of the JSON road, for tests without a server.
func DecodeMatrix(body io.Reader, from, to int64, yield func(series.Series) error) error {
	return decodeMatrix(body, request{from: from, to: to}, yield)
}

// DecodeLines is the decoder of the export road, for tests without a server.
func DecodeLines(body io.Reader, from, to int64, yield func(series.Series) error) error {
	return decodeLines(body, request{from: from, to: to}, yield)
}

// ParseValue reads the value of a sample.
func ParseValue(text []byte) (float64, error) { return parseValue(text) }
