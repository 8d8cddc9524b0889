package webserver

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strings"

	"golang.org/x/sync/singleflight"
)

// Share has requests that come while an answer is made share it, so that many
// clients cost as much as one. vary names the headers of a request by which answers
// differ. An answer is complete before its first byte is sent, and a client that
// goes away does not cut it off.
func Share(h http.Handler, vary ...string) http.Handler {
	var making singleflight.Group
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var key strings.Builder
		for _, name := range vary {
			for _, value := range r.Header.Values(name) {
				key.WriteString(value + "\x00") // no value of a header has one
			}
			key.WriteString("\x00")
		}
		made, _, _ := making.Do(key.String(), func() (any, error) {
			a := &answer{header: http.Header{}, status: http.StatusOK}
			h.ServeHTTP(a, r.WithContext(context.WithoutCancel(r.Context())))
			return a, nil
		})
		made.(*answer).send(w)
	})
}

// answer is a response in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header                { return a.header }
func (a *answer) WriteHeader(status int)             { a.status = status }
func (a *answer) Write(data []byte) (n int, _ error) { return a.body.Write(data) }

func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // whoever asked may be gone
}
