package webserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/internal/webserver"
)

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	end   chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.end:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.end) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dial serves one connection until the test ends.
func dial(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), end: make(chan struct{})}
	server := webserver.Limit(&http.Server{Handler: h})
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-time.After(time.Minute) // of the bubble: what the server began ends
	})
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours
}

func TestAClientThatStallsIsClosed(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	for name, tt := range map[string]struct {
		sent   string
		reads  bool // it reads the answer
		within time.Duration
	}{
		"that sends nothing":             {"", true, 15 * time.Second},
		"that sends half of its headers": {"GET / HTTP/1.1\r\nHost: x\r\n", true, 15 * time.Second},
		"that sends half of its body":    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", false, 95 * time.Second},
		"that never reads":               {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false, 65 * time.Second},
		"that asks for nothing more":     {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true, 125 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				conn := dial(t, page)
				defer conn.Close()
				if err := conn.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, tt.sent); err != nil {
					t.Fatal(err)
				}
				if !tt.reads {
					<-time.After(tt.within)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Errorf("not closed: %v", err)
				}
				if took := time.Since(start); took > tt.within {
					t.Errorf("closed after %v", took)
				}
			})
		})
	}
}

func TestHeadersWithoutAnEndAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, http.NotFoundHandler())
		defer conn.Close()
		go func() {
			_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 100<<10))
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %s", resp.Status)
		}
	})
}
