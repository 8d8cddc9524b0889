package kubelet_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gputally/gputally/collector/device"
	"github.com/gputally/gputally/collector/kubelet"
	"github.com/gputally/gputally/collector/kubelet/kubelettest"
)

func TestErrorsOfTheKubelet(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(*kubelettest.Server)
		want    error
	}{
		"the rate limit":      {func(s *kubelettest.Server) { s.FailList(kubelettest.RateLimited()) }, kubelet.ErrRateLimited},
		"an answer too large": {func(s *kubelettest.Server) { s.SetPods(kubelettest.GPUs("a", strings.Repeat("x", 17<<20), "")) }, kubelet.ErrTooLarge},
		"nobody there":        {func(s *kubelettest.Server) { s.Stop() }, kubelet.ErrUnreachable},
		"allocatable devices can't be had at all": {
			func(s *kubelettest.Server) { s.FailAllocatable(kubelettest.RateLimited()) }, kubelet.ErrRateLimited,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kubelettest.Start(t)
			tc.prepare(s)
			_, err := client(t, s, newClock(), "").Holders(t.Context())
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			for _, other := range []error{kubelet.ErrRateLimited, kubelet.ErrTooLarge, kubelet.ErrUnreachable} {
				if !errors.Is(tc.want, other) && errors.Is(err, other) {
					t.Errorf("error %v is also %v", err, other)
				}
			}
			if !strings.Contains(err.Error(), s.Socket()) {
				t.Errorf("error %v does not name the socket", err)
			}
		})
	}
}

func TestOtherErrorsKeepTheirCode(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.FailList(status.Error(codes.ResourceExhausted, "out of patience"))
	_, err := client(t, s, newClock(), "").Holders(t.Context())
	if status.Code(err) != codes.ResourceExhausted || errors.Is(err, kubelet.ErrRateLimited) || errors.Is(err, kubelet.ErrTooLarge) {
		t.Errorf("error %v, want the kubelet's own", err)
	}
}

func TestAnswersBeyondTheDefaultLimitAreTaken(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.SetPods(kubelettest.GPUs("a", strings.Repeat("x", 8<<20), "", "GPU-1"))
	if got := poll(t, client(t, s, newClock(), "")).Allocations; len(got) != 1 {
		t.Errorf("%d allocations, want 1", len(got))
	}
}

func TestEndOfTheCallersPatience(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client(t, s, newClock(), "").Holders(ctx)
	if status.Code(err) != codes.Canceled {
		t.Errorf("error %v, want the context's", err)
	}
}

func TestKubeletThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.Stop()
	hung, err := net.Listen("unix", s.Socket()) // connects, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	k, err := kubelet.New(kubelet.Config{Socket: s.Socket(), Now: newClock().Now, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var first error
	for range 5 {
		_, err := k.Holders(ctx)
		if !errors.Is(err, kubelet.ErrUnreachable) || ctx.Err() != nil {
			t.Fatalf("error %v, want ErrUnreachable after 50 ms", err)
		}
		if first == nil {
			first = err
		}
		if err.Error() != first.Error() {
			t.Errorf("error %q, want %q again", err, first)
		}
	}
}

func TestKubeletRestartHealsByItself(t *testing.T) {
	t.Parallel()
	s := kubelettest.Start(t)
	s.SetPods(kubelettest.GPUs("a", "p", "", "GPU-1"))
	s.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: []string{"GPU-1"}})
	k := client(t, s, newClock(), "")
	poll(t, k)
	s.Stop()
	if _, err := k.Holders(t.Context()); !errors.Is(err, kubelet.ErrUnreachable) {
		t.Fatalf("while the kubelet is down: %v, want ErrUnreachable", err)
	}
	s.SetPods(kubelettest.GPUs("a", "q", "", "GPU-2"))
	s.SetAllocatable(kubelettest.Devices{Resource: gpuResource, IDs: []string{"GPU-2"}})
	s.Run()
	// The clock stands still: what was offered is renewed because of the
	// reconnect, not because of its age.
	want := device.Holders{
		Allocations: []device.Allocation{gpus("a", "q", "", "GPU-2")},
		Offered:     map[string][]string{gpuResource: {"GPU-2"}},
	}
	got := untilAnswer(t, k)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("after the restart: -want +got\n%s", d)
	}
}

// untilAnswer polls until the kubelet is found again.
func untilAnswer(t *testing.T, k *kubelet.Client) device.Holders {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := k.Holders(t.Context())
		if err == nil {
			return h
		}
		select {
		case <-deadline:
			t.Fatalf("the kubelet is not found again: %v", err)
		case <-tick.C:
		}
	}
}
