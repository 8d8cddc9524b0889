package faultproxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Fault is what happens to some requests.
type Fault struct {
	On    func(*http.Request) bool // which requests; nil: all
	Skip  int                      // so many of them pass before it begins
	Times int                      // how many of them it happens to; 0: all that follow
	Play  Play
}

// Proxy passes requests on to a server, and plays faults.
type Proxy struct {
	URL string // "http://127.0.0.1:41234"

	target    *url.URL
	transport *http.Transport
	server    *http.Server
	closed    context.Context // ends what hangs
	stop      context.CancelFunc

	mu     sync.Mutex
	faults []*fault
	asked  []Asked
}

// Asked is a request that came in.
type Asked struct {
	Method, Path string
	Header       http.Header
	Faulty       bool // a fault happened to it
}

type fault struct {
	Fault
	met, happened int
}

// Start begins to pass requests on to the server at the URL target, until Close.
func Start(target string) (*Proxy, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("fault proxy: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fault proxy: %w", err)
	}
	p := &Proxy{
		URL: "http://" + l.Addr().String(), target: to,
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 10},
	}
	p.closed, p.stop = context.WithCancel(context.Background())
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(l) }() // it ends with Close
	return p, nil
}

// Close ends all connections. A client that connects afterwards is refused.
func (p *Proxy) Close() {
	p.stop()
	_ = p.server.Close()
	p.transport.CloseIdleConnections()
}

// Set replaces the faults. Of those that pick a request, the first that still
// happens does.
func (p *Proxy) Set(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
	for _, f := range faults {
		p.faults = append(p.faults, &fault{Fault: f})
	}
}

// Asked lists the requests that came in so far.
func (p *Proxy) Asked() []Asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Asked(nil), p.asked...)
}

// Happened is how often a fault happened so far.
func (p *Proxy) Happened() (n int) {
	for _, a := range p.Asked() {
		if a.Faulty {
			n++
		}
	}
	return n
}

// ServeHTTP answers a request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(p.closed, cancel)()
	r = r.WithContext(ctx)
	play := p.take(r)
	if play == nil {
		play = Pass
	}
	play(&Exchange{W: w, R: r, proxy: p})
}

// take notes a request and returns the fault that is to happen to it, nil for none.
func (p *Proxy) take(r *http.Request) (play Play) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if f.On != nil && !f.On(r) || f.Times > 0 && f.happened == f.Times {
			continue
		}
		if f.met++; f.met <= f.Skip {
			continue
		}
		f.happened++
		play = f.Play
		break
	}
	p.asked = append(p.asked, Asked{r.Method, r.URL.Path, r.Header.Clone(), play != nil})
	return play
}

// Exchange is one request and what becomes of it.
type Exchange struct {
	W http.ResponseWriter
	R *http.Request

	proxy *Proxy
}

// Forward asks the server, as the client did.
func (e *Exchange) Forward() (*http.Response, error) {
	out := e.R.Clone(e.R.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = e.proxy.target.Scheme, e.proxy.target.Host, ""
	return e.proxy.transport.RoundTrip(out) // with the client's Host, which S3 signs
}

// ask is Forward, after which the client has the head of the answer and nothing of
// the body. ok is false if the server could not be asked.
func (e *Exchange) ask() (resp *http.Response, ok bool) {
	resp, err := e.Forward()
	if err != nil {
		http.Error(e.W, err.Error(), http.StatusBadGateway)
		return nil, false
	}
	for name, values := range resp.Header {
		e.W.Header()[name] = values
	}
	e.W.WriteHeader(resp.StatusCode)
	return resp, true
}

// send copies at most so many bytes of a body, all of them if n is negative.
func (e *Exchange) send(body io.Reader, n int64) {
	if n >= 0 {
		body = io.LimitReader(body, n)
	}
	_, _ = io.Copy(e.W, body) // a client that has gone is none of our faults
	_ = http.NewResponseController(e.W).Flush()
}
