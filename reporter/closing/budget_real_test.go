//go:build real

package closing_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/s3server"
	"github.com/gputally/gputally/reporter/bucket/s3"
	"github.com/gputally/gputally/reporter/closing"
	"github.com/gputally/gputally/reporter/window"
)

// wire counts requests as the store gets them.
type wire struct{ reads, writes atomic.Int64 }

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		w.reads.Add(1)
	} else {
		w.writes.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What the bucket is asked is what the store gets: a look at an object that is
// not there is no second request.
func TestClosingAndRestatingOnS3TakeFewRequests(t *testing.T) {
	t.Parallel()
	server, err := s3server.Start(context.WithoutCancel(t.Context()), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if err := server.CreateBucket(t.Context(), "books"); err != nil {
		t.Fatal(err)
	}
	line := &wire{}
	b, err := s3.New(t.Context(), s3.Config{
		Bucket: "books", Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
		Keys: s3.Keys{AccessKey: server.AccessKey, SecretKey: server.SecretKey}, HTTPClient: &http.Client{Transport: line},
	})
	if err != nil {
		t.Fatal(err)
	}
	within := func(what string, reads, writes int64) {
		t.Helper()
		if r, w := line.reads.Swap(0), line.writes.Swap(0); r > reads || w > writes {
			t.Errorf("%s took %d reads of %d and %d writes of %d", what, r, reads, w, writes)
		}
	}
	w, _, _ := budgetStage()
	w.churn = true
	w.begin = time.Now().UTC().Truncate(time.Hour).Add(-48 * time.Hour)
	for n := range int64(12) {
		w.half[n], w.lags[n] = true, 500
	}
	r := newReplica(b, w, time.Now())
	for n := range int64(12) {
		r.closes(t, w.hour(n))
		within("closing "+w.hour(n).String(), 8, 4)
	}
	w.half[6] = false
	other := newReplica(b, w, time.Now())
	if _, err := other.Restate(t.Context(), []window.Window{w.hour(6)}, closing.KeepIfLess, func(window.Window) {}); err != nil {
		t.Fatal(err)
	}
	within("restating an hour", 13, 3)
}
