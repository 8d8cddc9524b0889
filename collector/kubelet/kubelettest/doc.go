// Package kubelettest runs a kubelet's pod-resources API for tests: the real
// generated gRPC server on a unix socket, with a state that the test sets, and
// the device-manager checkpoint that goes with it.
package kubelettest
