package child_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gputally/gputally/internal/child"
)

func TestPollLooksUntilTheConditionIsMet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began, looks := time.Now(), 0
		err := child.Poll(t.Context(), child.Met("three looks", func() bool { looks++; return looks == 3 }))
		if err != nil || looks != 3 || time.Since(began) != 40*time.Millisecond {
			t.Errorf("%d looks in %s: %v", looks, time.Since(began), err)
		}
	})
}

func TestPollGivesUpWithTheLastError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		refused := errors.New("refused")
		err := child.Poll(ctx, func(context.Context) error { return refused })
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, refused) {
			t.Errorf("error %v", err)
		}
	})
}

func TestAnswersWants200(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "me" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	gone := httptest.NewServer(nil)
	gone.Close()
	t.Cleanup(server.Close)
	for name, tc := range map[string]struct {
		at   string
		user *url.Userinfo
		want string // in the error, "" for none
	}{
		"with the password":    {server.URL, url.UserPassword("me", "secret"), ""},
		"without the password": {server.URL, nil, "HTTP 401 Unauthorized"},
		"nobody listens":       {gone.URL, nil, "connection refused"},
		"no URL":               {"http://[", nil, "missing ']'"},
	} {
		err := child.Answers(tc.at, tc.user)(t.Context())
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
}

func TestAddressIsOneThatCanBeHad(t *testing.T) {
	t.Parallel()
	free, err := child.Address(t.Context(), "")
	if err != nil || !strings.HasPrefix(free, "127.0.0.1:") {
		t.Fatalf("address %q, %v", free, err)
	}
	if again, err := child.Address(t.Context(), free); again != free || err != nil {
		t.Errorf("address %q, %v; want %s, as it was asked for", again, err, free)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	if _, err := child.Address(t.Context(), taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error %v", err)
	}
}
