package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// pollInterval is the time between two looks at a condition.
const pollInterval = 20 * time.Millisecond

// Poll calls met at once and then on each tick until it returns no error. When ctx
// ends before, the error is the cause of ctx and the last one of met.
func Poll(ctx context.Context, met func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		last := met(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %w", context.Cause(ctx), last)
		}
	}
}

// Met is a condition without an error of its own; what names it.
func Met(what string, condition func() bool) func(context.Context) error {
	return func(context.Context) error {
		if condition() {
			return nil
		}
		return errors.New("it does not hold yet that " + what)
	}
}

// answerTimeout bounds one request of Answers.
const answerTimeout = 5 * time.Second

// Answers is a condition: the URL answers with status 200. User, which may be
// nil, is for basic auth.
func Answers(at string, user *url.Userinfo) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return err
		}
		if user != nil {
			password, _ := user.Password()
			req.SetBasicAuth(user.Username(), password)
		}
		// A connection of its own each time: none is left open afterwards, and no
		// proxy of the environment comes between.
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: answerTimeout}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close() // only the status counts
		if resp.StatusCode != http.StatusOK {
			return errors.New("HTTP " + resp.Status)
		}
		return nil
	}
}

// Address returns the address to listen on, host and port, after a look whether
// it can be had: a server that is there already would answer in the child's
// place. For "" it is a free port of 127.0.0.1, which another program may still
// take before the child does.
func Address(ctx context.Context, listen string) (string, error) {
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
