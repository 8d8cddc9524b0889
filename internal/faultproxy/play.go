package faultproxy

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Play answers a request faultily.
type Play func(e *Exchange)

// Pass is no fault.
func Pass(e *Exchange) {
	if resp, ok := e.ask(); ok {
		defer resp.Body.Close()
		e.send(resp.Body, -1)
	}
}

// Reset resets the connection. The server does not hear of the request.
func Reset(e *Exchange) { e.drop(true) }

// LoseAnswer lets the server do what was asked, and resets the connection.
func LoseAnswer(e *Exchange) {
	if resp, err := e.Forward(); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body) // until it is done
		_ = resp.Body.Close()
	}
	e.drop(true)
}

// Hang answers nothing for as long as the client waits. The server does not hear
// of the request.
func Hang(e *Exchange) {
	_, _ = io.Copy(io.Discard, e.R.Body) // else nobody sees that the client goes
	<-e.R.Context().Done()
}

// Answer answers in the server's place.
func Answer(status int, header http.Header, body string) Play {
	return func(e *Exchange) {
		_, _ = io.Copy(io.Discard, e.R.Body) // a client that still sends may not see the answer
		for name, values := range header {
			e.W.Header()[name] = values
		}
		e.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
		e.W.WriteHeader(status)
		_, _ = io.WriteString(e.W, body)
	}
}

// Mask lets the server do what was asked, and answers in its place.
func Mask(answer Play) Play {
	return func(e *Exchange) {
		if resp, err := e.Forward(); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		answer(e)
	}
}

// Change gives the client another answer than the server's: change may replace
// all of it.
func Change(change func(resp *http.Response, body []byte) []byte) Play {
	return func(e *Exchange) {
		resp, err := e.Forward()
		if err != nil {
			http.Error(e.W, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			http.Error(e.W, err.Error(), http.StatusBadGateway)
			return
		}
		body = change(resp, body)
		resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
		for name, values := range resp.Header {
			e.W.Header()[name] = values
		}
		e.W.WriteHeader(resp.StatusCode)
		_, _ = e.W.Write(body)
	}
}

// Stall sends so many bytes of the body, and no more for as long as the client waits.
func Stall(after int64) Play {
	return func(e *Exchange) {
		if resp, ok := e.ask(); ok {
			defer resp.Body.Close()
			e.send(resp.Body, after)
			<-e.R.Context().Done()
		}
	}
}

// Cut sends so many bytes of the body and closes the connection; with hard it
// resets it.
func Cut(after int64, hard bool) Play {
	return func(e *Exchange) {
		if resp, ok := e.ask(); ok {
			defer resp.Body.Close()
			e.send(resp.Body, after)
			e.drop(hard)
		}
	}
}

// Trickle sends the body in so many pieces, with a pause before each.
func Trickle(pieces int64, pause time.Duration) Play {
	return func(e *Exchange) {
		resp, ok := e.ask()
		if !ok {
			return
		}
		defer resp.Body.Close()
		for range pieces - 1 {
			e.wait(pause)
			e.send(resp.Body, max(1, resp.ContentLength/pieces))
		}
		e.wait(pause)
		e.send(resp.Body, -1)
	}
}

// Delay asks the server later.
func Delay(by time.Duration) Play {
	return func(e *Exchange) {
		e.wait(by)
		Pass(e)
	}
}

func (e *Exchange) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-e.R.Context().Done():
	}
}

// drop closes the connection to the client; with hard it resets it.
func (e *Exchange) drop(hard bool) {
	conn, _, err := http.NewResponseController(e.W).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 has no connection of its own
	}
	if tcp, ok := conn.(*net.TCPConn); ok && hard {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
