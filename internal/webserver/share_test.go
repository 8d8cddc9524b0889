package webserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/internal/webserver"
)

func TestRequestsAtOneTimeShareAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		h := webserver.Share(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := made.Add(1)
			<-time.After(time.Second)
			if err := r.Context().Err(); err != nil {
				t.Errorf("a client that goes away cuts it off: %v", err)
			}
			w.Header().Set("Kind", r.Header.Get("Accept"))
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprint(w, "answer ", n)
		}), "Accept")
		ask := func(ctx context.Context, accept string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			r.Header.Set("Accept", accept)
			h.ServeHTTP(w, r)
			return w
		}
		gone, leave := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		clients.Go(func() { ask(gone, "text") })
		synctest.Wait()
		leave()
		for range 50 {
			clients.Go(func() {
				if w := ask(t.Context(), "text"); w.Code != http.StatusTeapot || w.Body.String() != "answer 1" || w.Header().Get("Kind") != "text" {
					t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
				}
			})
			clients.Go(func() {
				if w := ask(t.Context(), "protobuf"); w.Body.String() != "answer 2" || w.Header().Get("Kind") != "protobuf" {
					t.Errorf("another kind: %q %v", w.Body, w.Header())
				}
			})
		}
		clients.Wait()
		if later := ask(t.Context(), "text"); later.Body.String() != "answer 3" || made.Load() != 3 {
			t.Errorf("later: %q, %d were made", later.Body, made.Load())
		}
	})
}

// net/http makes an error of one request out of a panic, and nobody waits for ever.
func TestAPanicIsThatOfTheRequest(t *testing.T) {
	t.Parallel()
	h := webserver.Share(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	for range 2 {
		func() {
			defer func() {
				if p := recover(); p == nil {
					t.Error("no panic")
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}()
	}
}
