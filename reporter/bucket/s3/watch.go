package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// stalledError says that a store stopped in the middle of an answer. It is a
// time-out, which the SDK tries again where it reads the answer by itself.
type stalledError struct{ idle time.Duration }

func (e stalledError) Error() string {
	return fmt.Sprintf("the store sent nothing for %v in the middle of its answer", e.idle)
}

// Timeout makes it a net.Error's kind.
func (stalledError) Timeout() bool { return true }

// watched sends requests, and ends those whose answer stalls.
type watched struct {
	inner s3.HTTPClient
	idle  time.Duration
}

// sender is the SDK's client in a form that follows no redirect to another host:
// the session token is in a header that would go there too.
func sender(client s3.HTTPClient) s3.HTTPClient {
	sdk, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return client
	}
	return &http.Client{Transport: sdk.GetTransport(), Timeout: sdk.GetTimeout(), CheckRedirect: sameHost}
}

func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	if r.URL.Host != first.Host || r.URL.Scheme != first.Scheme || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

// Do sends a request. The body of its answer fails when it stalls.
func (w watched) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	resp, err := w.inner.Do(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &watchedBody{ReadCloser: resp.Body, idle: w.idle, end: cancel}
	return resp, nil
}

// watchedBody is the body of an answer that may not stall. Its context ends with it.
type watchedBody struct {
	io.ReadCloser
	idle    time.Duration
	end     context.CancelFunc
	stalled atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	alarm := time.AfterFunc(b.idle, func() {
		b.stalled.Store(true)
		b.end()
	})
	n, err := b.ReadCloser.Read(p)
	alarm.Stop()
	if err != nil && !errors.Is(err, io.EOF) && b.stalled.Load() {
		err = stalledError{b.idle}
	}
	return n, err
}

func (b *watchedBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
