package kubelet

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Errors of Holders, for errors.Is. It also returns the kubelet's own errors and
// those of the context.
var (
	// ErrUnreachable means that nobody answers on the socket.
	ErrUnreachable = errors.New("the kubelet does not answer; check that the directory of its pod-resources socket is mounted (the directory, because the kubelet recreates the socket) and that this process may open it")
	// ErrRateLimited means that the kubelet refused the call for now.
	ErrRateLimited = errors.New("the kubelet's limit of 100 pod-resources calls a second, shared by all its clients, is reached; look for a client on this node that polls too fast")
	// ErrTooLarge means that the answer is larger than this client takes.
	ErrTooLarge = errors.New("the kubelet's answer is larger than 16 MiB; look for a pod or a resource driver with an unusual number of devices")
)

// ErrCheckpoint means that the device checkpoint could not be read. It never
// comes from Holders, see CheckpointErr.
var ErrCheckpoint = errors.New("pod UIDs can't be read from the kubelet's device checkpoint; new pods get theirs from log folders where these are read, or are metered without one")

// explain gives an error of a call its type. The rate limit and an oversized
// answer have the same status code; only the message differs.
func explain(call, socket string, err error) error {
	s := status.Convert(err)
	kind := error(nil)
	switch {
	case s.Code() == codes.Unavailable || s.Code() == codes.DeadlineExceeded:
		return fmt.Errorf("%s from %s: %w: %s", call, socket, ErrUnreachable, silence(s))
	case s.Code() == codes.ResourceExhausted && strings.Contains(s.Message(), "rate limit"):
		kind = ErrRateLimited
	case s.Code() == codes.ResourceExhausted && strings.Contains(s.Message(), "larger than max"):
		kind = ErrTooLarge
	}
	if kind == nil {
		return fmt.Errorf("%s from %s: %w", call, socket, err)
	}
	return fmt.Errorf("%s from %s: %w: %w", call, socket, kind, err)
}

// silence says why nobody answers. gRPC has other words for the same from call to
// call, and a reason that lasts should read the same.
func silence(s *status.Status) string {
	const mute = "somebody listens there and gives no answer"
	if s.Code() == codes.DeadlineExceeded {
		return mute
	}
	for _, is := range []struct{ part, reason string }{
		{"no such file", "there is no such file"},
		{"connection refused", "nobody listens there"},
		{"permission denied", "this process may not open it"},
		{"server preface", mute},
		{"use of closed network connection", mute},
		{"connection reset", mute},
		{"broken pipe", mute},
		{"EOF", mute},
	} {
		if strings.Contains(s.Message(), is.part) {
			return is.reason
		}
	}
	return s.Message()
}
