package webservertest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Headers expects the headers of every answer that keep browsers from doing more
// with it than to show it.
func Headers(t *testing.T, answer http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := answer.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q in it", name, got, want)
		}
	}
}

// Run asks a server that listens on an address, host and port, for paths of which
// the first is its metrics. It takes the time after which the server closes a client
// that never reads, and no work meanwhile.
func Run(t *testing.T, address string, paths ...string) {
	for _, path := range append(paths, "/nowhere") {
		t.Run("browsers may only show "+path, func(t *testing.T) {
			t.Parallel()
			_, header := ask(t, address, path, nil)
			Headers(t, header)
		})
	}
	t.Run("headers without an end are refused", func(t *testing.T) {
		t.Parallel()
		status, _ := ask(t, address, paths[0], http.Header{"X-Long": {strings.Repeat("x", 100<<10)}})
		if status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", status)
		}
	})
	request := "GET " + paths[0] + " HTTP/1.1\r\nHost: x\r\n"
	for name, stall := range map[string]func(net.Conn) error{
		"a client that sends nothing is closed":             sends(""),
		"a client that sends half of its headers is closed": sends(request),
		"a client that asks and never reads is closed": func(c net.Conn) error {
			for {
				if _, err := io.WriteString(c, request+"\r\n"); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			if err := stall(c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it is not")
			}
		})
	}
}

// sends sends a text and waits until the server closes the connection.
func sends(text string) func(net.Conn) error {
	return func(c net.Conn) error {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, c)
		return err
	}
}

func ask(t *testing.T, address, path string, header http.Header) (status int, answered http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Header
}
