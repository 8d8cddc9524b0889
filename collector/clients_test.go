package collector_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gputally/gputally/collector"
	"github.com/gputally/gputally/internal/child"
)

// Of three scrapes at one time two are in work, and one is refused.
func TestScrapesAtOneTimeAreLimited(t *testing.T) {
	t.Parallel()
	var held atomic.Bool
	goOn := make(chan struct{})
	now := func() time.Time { // a scrape asks for the time
		if held.Load() {
			<-goOn
		}
		return time.Now()
	}
	ctx, stop := context.WithCancel(t.Context())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- collector.Run(ctx, append(bare(), "--web.max-requests=2"), io.Discard, io.Discard,
			collector.Options{Now: now, OnListen: func(address string) { listening <- address }})
	}()
	at := "http://" + <-listening
	if err := child.Poll(t.Context(), child.Answers(at+"/readyz", nil)); err != nil { // there is a snapshot
		t.Fatal(err)
	}
	held.Store(true)
	answers := make(chan int, 3)
	for range 3 {
		go func() {
			answer, err := http.Get(at + "/metrics")
			if err != nil {
				answers <- 0
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			answers <- answer.StatusCode
		}()
	}
	if first := <-answers; first != http.StatusServiceUnavailable {
		t.Errorf("the first to be answered has status %d", first)
	}
	held.Store(false)
	close(goOn)
	for range 2 {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("another has status %d", status)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
