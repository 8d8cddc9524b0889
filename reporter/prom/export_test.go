package prom

import "io"

// DecodeStream is the decoder of a streamed answer, for the fuzz test.
func DecodeStream(body io.Reader, from, to int64, yield func(Series) error) error {
	return decodeStream(body, request{from: from, to: to}, yield)
}
