//go:build real

package reporter_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/gputally/gputally/internal/faultproxy"
)

// moment is when something happens to the one who asks a server.
type moment string

const (
	before moment = "before" // the server hears of the request
	inside moment = "inside" // the body of the request
	after  moment = "after"  // the server has done it, and before its answer arrives
	lost   moment = "losing" // the same, and the answer never arrives
)

// momentOf is a way to the S3 server on which something happens at a moment of a
// request, which counts from 1.
func momentOf(t *testing.T, at int, when moment, act func()) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Start(shared.s3.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if at > 0 {
		p.Set(faultproxy.Fault{Skip: at - 1, Times: 1, Play: map[moment]faultproxy.Play{
			before: func(e *faultproxy.Exchange) { act(); faultproxy.Pass(e) },
			inside: func(e *faultproxy.Exchange) {
				e.R.Body = &halfBody{of: e.R.Body, left: e.R.ContentLength / 2, then: act}
				faultproxy.Pass(e)
			},
			after: faultproxy.Change(func(_ *http.Response, body []byte) []byte { act(); return body }),
			lost:  faultproxy.Mask(func(e *faultproxy.Exchange) { act(); faultproxy.Reset(e) }),
		}[when]})
	}
	return p
}

// halfBody is a body that breaks off in the middle.
type halfBody struct {
	of   io.ReadCloser
	left int64
	then func()
}

func (h *halfBody) Read(p []byte) (int, error) {
	if h.left <= 0 {
		h.then()
		return 0, errors.New("the body broke off")
	}
	n, err := h.of.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	return n, err
}

func (h *halfBody) Close() error { return h.of.Close() }
