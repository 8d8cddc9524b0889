package kubelettest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// RateLimited is the error with which a kubelet refuses a call too many.
func RateLimited() error { return status.Error(codes.ResourceExhausted, "rejected by rate limit") }

// Forbidden is the error of a kubelet that permits nothing.
func Forbidden() error { return status.Error(codes.PermissionDenied, "not for you") }

// Unimplemented is the error of a kubelet that does not have the call.
func Unimplemented() error { return status.Error(codes.Unimplemented, "unknown method") }

// Server answers as a kubelet. All methods may be called at any time.
type Server struct {
	podresources.UnsafePodResourcesListerServer
	t   testing.TB
	dir string

	mu             sync.Mutex
	grpc           *grpc.Server  // nil while stopped
	served         chan struct{} // closed when grpc has given up its socket
	mute           net.Listener  // that answers nobody, nil unless the server hangs
	pods           []*podresources.PodResources
	allocatable    []*podresources.ContainerDevices
	listErr        error
	allocatableErr error
	lists          int
	allocatables   int
}

// New returns a server without pods, devices and a checkpoint. Nobody can connect to
// it until Run.
func New(t testing.TB) *Server {
	t.Helper()
	return &Server{t: t, dir: shortDir(t)}
}

// Start runs a new server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New(t)
	s.Run()
	t.Cleanup(s.Stop)
	return s
}

// Direct calls the server without a connection.
func (s *Server) Direct() podresources.PodResourcesListerClient { return direct{s} }

type direct struct{ *Server }

func (d direct) List(ctx context.Context, r *podresources.ListPodResourcesRequest, _ ...grpc.CallOption) (*podresources.ListPodResourcesResponse, error) {
	return d.Server.List(ctx, r)
}

func (d direct) GetAllocatableResources(ctx context.Context, r *podresources.AllocatableResourcesRequest, _ ...grpc.CallOption) (*podresources.AllocatableResourcesResponse, error) {
	return d.Server.GetAllocatableResources(ctx, r)
}

func (d direct) Get(ctx context.Context, r *podresources.GetPodResourcesRequest, _ ...grpc.CallOption) (*podresources.GetPodResourcesResponse, error) {
	return d.Server.Get(ctx, r)
}

// shortDir makes a folder for a socket: its path may have 108 bytes at most,
// which t.TempDir exceeds easily.
func shortDir(t testing.TB) string {
	t.Helper()
	parent := os.TempDir()
	if len(parent) > 60 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "kubelet")
	if err != nil {
		t.Fatalf("make a folder for the kubelet: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Socket is the path of the pod-resources socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, "kubelet.sock") }

// Checkpoint is the path of the device-manager checkpoint.
func (s *Server) Checkpoint() string { return filepath.Join(s.dir, "kubelet_internal_checkpoint") }

// Run listens again after Stop or Hang, on a new socket at the same path.
func (s *Server) Run() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grpc != nil {
		return
	}
	s.unmute()
	listener := s.listen()
	s.grpc = grpc.NewServer()
	podresources.RegisterPodResourcesListerServer(s.grpc, s)
	s.served = make(chan struct{})
	go func(server *grpc.Server, served chan struct{}) {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}(s.grpc, s.served)
}

// Stop breaks all connections and removes the socket, as the end of a kubelet does.
func (s *Server) Stop() {
	s.mu.Lock()
	server, served := s.grpc, s.served
	s.grpc = nil
	s.unmute()
	s.mu.Unlock()
	if server != nil {
		server.Stop() // without the lock, which calls under way want
		<-served
	}
}

// Hang stops the server and takes connections that nobody answers, until Run.
func (s *Server) Hang() {
	s.t.Helper()
	s.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unmute()
	s.mute = s.listen()
}

// unmute ends a hang.
func (s *Server) unmute() {
	if s.mute != nil {
		_ = s.mute.Close()
		s.mute = nil
	}
}

func (s *Server) listen() net.Listener {
	s.t.Helper()
	listener, err := net.Listen("unix", s.Socket())
	if err != nil {
		s.t.Fatalf("listen as kubelet: %v", err)
	}
	return listener
}

// SetPods makes the pods hold their devices, and nobody else.
func (s *Server) SetPods(pods ...Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods = nil
	for _, p := range pods {
		s.pods = append(s.pods, p.resources())
	}
}

// Hold makes the pods hold their devices, and then writes the checkpoint: the
// order of a real kubelet.
func (s *Server) Hold(pods ...Pod) {
	s.t.Helper()
	s.SetPods(pods...)
	s.WriteCheckpoint(pods...)
}

// SetAllocatable makes the devices those that can be handed out.
func (s *Server) SetAllocatable(devices ...Devices) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allocatable = entries(devices)
}

// FailList makes List fail until it is called with nil.
func (s *Server) FailList(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listErr = err
}

// FailAllocatable makes GetAllocatableResources fail until it is called with nil.
func (s *Server) FailAllocatable(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allocatableErr = err
}

// Calls counts the calls of List and of GetAllocatableResources.
func (s *Server) Calls() (lists, allocatables int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists, s.allocatables
}

// List is called by clients.
func (s *Server) List(context.Context, *podresources.ListPodResourcesRequest) (*podresources.ListPodResourcesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	if s.listErr != nil {
		return nil, s.listErr
	}
	return &podresources.ListPodResourcesResponse{PodResources: s.pods}, nil
}

// GetAllocatableResources is called by clients.
func (s *Server) GetAllocatableResources(context.Context, *podresources.AllocatableResourcesRequest) (*podresources.AllocatableResourcesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allocatables++
	if s.allocatableErr != nil {
		return nil, s.allocatableErr
	}
	return &podresources.AllocatableResourcesResponse{Devices: s.allocatable}, nil
}

// Get is called by clients.
func (s *Server) Get(_ context.Context, r *podresources.GetPodResourcesRequest) (*podresources.GetPodResourcesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pods {
		if p.Name == r.GetPodName() && p.Namespace == r.GetPodNamespace() {
			return &podresources.GetPodResourcesResponse{PodResources: p}, nil
		}
	}
	return nil, status.Errorf(codes.NotFound, "pod %s in namespace %s not found", r.GetPodName(), r.GetPodNamespace())
}
