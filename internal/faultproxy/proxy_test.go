package faultproxy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gputally/gputally/internal/faultproxy"
)

// behind returns a proxy in front of a server that answers ten digits, and how often
// that was asked.
func behind(t *testing.T) (p *faultproxy.Proxy, asked chan string) {
	t.Helper()
	asked = make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host
		_, _ = io.WriteString(w, "0123456789")
	}))
	t.Cleanup(server.Close)
	p, err := faultproxy.Start(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, asked
}

// get is what a client sees.
func get(ctx context.Context, url string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader("x"))
	if err != nil {
		return 0, "", err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

func TestFaultsAreWhatAClientSees(t *testing.T) {
	t.Parallel()
	replace := func(resp *http.Response, body []byte) []byte { resp.StatusCode = 206; return body[:3] }
	for name, tt := range map[string]struct {
		play   faultproxy.Play
		status int
		body   string
		err    error
		server int // requests that the server got
	}{
		"nothing":                      {nil, 200, "0123456789", nil, 1},
		"a reset":                      {faultproxy.Reset, 0, "", syscall.ECONNRESET, 0},
		"an answer that is lost":       {faultproxy.LoseAnswer, 0, "", syscall.ECONNRESET, 1},
		"a server that hangs":          {faultproxy.Hang, 0, "", context.DeadlineExceeded, 0},
		"an answer of the proxy":       {faultproxy.Answer(503, http.Header{"Retry-After": {"7"}}, "busy"), 503, "busy", nil, 0},
		"an answer that is replaced":   {faultproxy.Mask(faultproxy.Answer(502, nil, "bad")), 502, "bad", nil, 1},
		"an answer that is changed":    {faultproxy.Change(replace), 206, "012", nil, 1},
		"a body that stalls":           {faultproxy.Stall(4), 200, "0123", context.DeadlineExceeded, 1},
		"a body that is cut":           {faultproxy.Cut(4, false), 200, "0123", io.ErrUnexpectedEOF, 1},
		"a body that is reset":         {faultproxy.Cut(0, true), 200, "", syscall.ECONNRESET, 1},
		"a line that is slow":          {faultproxy.Trickle(5, time.Millisecond), 200, "0123456789", nil, 1},
		"a server that is slow to act": {faultproxy.Delay(time.Millisecond), 200, "0123456789", nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, asked := behind(t)
			if tt.play != nil {
				p.Set(faultproxy.Fault{Play: tt.play})
			}
			ctx := t.Context()
			if errors.Is(tt.err, context.DeadlineExceeded) {
				limited, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				ctx = limited
			}
			status, body, err := get(ctx, p.URL)
			if status != tt.status || body != tt.body || !errors.Is(err, tt.err) {
				t.Errorf("%d %q %v, want %d %q %v", status, body, err, tt.status, tt.body, tt.err)
			}
			if len(asked) != tt.server {
				t.Errorf("the server was asked %d times, want %d", len(asked), tt.server)
			}
			if tt.server > 0 && "http://"+<-asked != p.URL {
				t.Error("the server does not see the client's Host")
			}
		})
	}
}

func TestAFaultHappensToTheRequestsThatItPicks(t *testing.T) {
	t.Parallel()
	p, _ := behind(t)
	p.Set(
		faultproxy.Fault{
			On:   func(r *http.Request) bool { return r.URL.Path == "/picked" },
			Skip: 1, Times: 2, Play: faultproxy.Answer(500, nil, ""),
		},
	)
	var got []int
	for _, path := range []string{"/other", "/picked", "/picked", "/other", "/picked", "/picked"} {
		status, _, err := get(t.Context(), p.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, status)
	}
	want := []int{200, 200, 500, 200, 500, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("answers %v, want %v", got, want)
		}
	}
	if asked := p.Asked(); p.Happened() != 2 || len(asked) != len(want) || asked[1].Path != "/picked" || asked[1].Method != http.MethodPut {
		t.Errorf("%d faults, requests %+v", p.Happened(), asked)
	}
	p.Close()
	if _, _, err := get(t.Context(), p.URL); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after it is closed: %v", err)
	}
}
