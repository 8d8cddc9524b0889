package kubelet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	podresources "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/gputally/gputally/collector/device"
)

// Where a stock kubelet has its files.
const (
	DefaultSocket     = "/var/lib/kubelet/pod-resources/kubelet.sock"
	DefaultCheckpoint = "/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint"
	DefaultPodLogs    = "/var/log/pods"
)

const (
	// maxMessage is the largest answer taken, in bytes. gRPC's own limit of
	// 4 MiB has been met in the field; 56 pods with 48 slots each are 143 KiB.
	maxMessage = 16 << 20
	// maxBackoff between attempts to connect: a kubelet that comes back is
	// found about as fast as it is polled.
	maxBackoff = time.Second
	// offersAge is how long a list of allocatable devices is good for.
	offersAge = 10 * time.Second
)

// Config of a Client.
type Config struct {
	// Socket of the pod-resources API, default DefaultSocket.
	Socket string
	// CheckpointPath of the device manager's checkpoint, usually
	// DefaultCheckpoint; "" to do without pod UIDs.
	CheckpointPath string
	// PodLogs is a folder whose names contain pod UIDs, for pods that are not in
	// the checkpoint; usually DefaultPodLogs, "" to do without. No file in it is
	// opened.
	PodLogs string
	// Pods says which pods there are, for kubelets before Kubernetes 1.34, which list
	// those that have ended, too. Default: nothing is known of any.
	Pods Pods
	// Resources are patterns (path.Match) of the extended resources that are
	// GPUs, default DefaultResources.
	Resources []string
	// Drivers are patterns (path.Match) of the DRA drivers whose devices are
	// GPUs, default DefaultDrivers.
	Drivers []string
	// Timeout of one Holders, default 2 s.
	Timeout time.Duration
	// Grace is how long after a new connection a list may lack pods, default 10 s.
	Grace  time.Duration
	Now    func() time.Time // required
	Logger *slog.Logger     // default: discards
}

func (c *Config) defaults() error {
	if c.Socket == "" {
		c.Socket = DefaultSocket
	}
	if len(c.Resources) == 0 {
		c.Resources = DefaultResources()
	}
	if len(c.Drivers) == 0 {
		c.Drivers = DefaultDrivers()
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Pods == nil {
		c.Pods = unknownPods{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	var errs []error
	if c.Now == nil {
		errs = append(errs, errors.New("kubelet: Config.Now is required"))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("kubelet: timeout %s is negative", c.Timeout))
	}
	for _, p := range c.Resources {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("kubelet: resource pattern %q: %w", p, err))
		}
	}
	for _, p := range c.Drivers {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("kubelet: driver pattern %q: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

// Pods knows pods by their UIDs, from elsewhere than the kubelet.
type Pods interface {
	// Ended is true if a pod was there and is not any more.
	Ended(podUID string) bool
	// There is true if a pod is there. One that isn't may not have begun.
	There(podUID string) (there, known bool)
}

// unknownPods knows of no pod.
type unknownPods struct{}

func (unknownPods) Ended(string) bool                { return false }
func (unknownPods) There(string) (there, known bool) { return false, false }

// Client asks one kubelet. It is a device.Registry, and safe for concurrent use.
type Client struct {
	cfg         Config
	api         podresources.PodResourcesListerClient
	connections func() int64 // made until now
	close       func() error

	mu     sync.Mutex
	offers offers
	names  *identities // nil without a source of UIDs
	past   records
}

var _ device.Registry = (*Client)(nil)

// New returns a client. It does not connect yet: a kubelet that is not there is
// an error of Holders, and is found as soon as it comes.
func New(cfg Config) (*Client, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	var dials atomic.Int64
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		dials.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, "unix", cfg.Socket)
	}
	conn, err := grpc.NewClient("passthrough:///kubelet",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dial),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxBackoff},
			MinConnectTimeout: cfg.Timeout,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, fmt.Errorf("kubelet: client for %s: %w", cfg.Socket, err)
	}
	c, err := NewWith(cfg, podresources.NewPodResourcesListerClient(conn), dials.Load)
	if err != nil {
		return nil, err
	}
	c.close = conn.Close
	return c, nil
}

// NewWith returns a client of an API that is not on a socket. connections counts the
// connections that were made to it until now.
func NewWith(cfg Config, api podresources.PodResourcesListerClient, connections func() int64) (*Client, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, api: api, connections: connections, close: func() error { return nil },
		past: records{grace: cfg.Grace, log: cfg.Logger},
	}
	if cfg.CheckpointPath != "" || cfg.PodLogs != "" {
		c.names = newIdentities(cfg)
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.close() }

// Holders asks the kubelet who holds devices now. There is one allocation for each
// container and resource, and one for all claims of a container; they are sorted
// by namespace, pod, pod UID, container and resource, and so are the device ids in
// them. Neither Offered nor what is in it may be changed. The errors are those of
// this package, of gRPC and of ctx.
func (c *Client) Holders(ctx context.Context) (device.Holders, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	var logs folders
	if c.names != nil {
		logs = c.names.logs.look()
	}
	list, err := c.api.List(ctx, &podresources.ListPodResourcesRequest{})
	if err != nil {
		return device.Holders{}, explain("list pod resources", c.cfg.Socket, err)
	}
	if logs.err != nil { // it may be there by now
		logs = c.names.logs.look()
	}
	pods := c.decided(list, logs)
	offered, err := c.offered(ctx, slices.ContainsFunc(pods, pod.plugged))
	if err != nil {
		return device.Holders{}, err
	}
	h := device.Holders{Offered: offered, Unknown: unknownOf(list, kept{c.keep, c.keepDriver})}
	for _, p := range pods {
		switch {
		case p.ended:
		case p.unclear:
			h.Withheld = append(h.Withheld, p.allocations...)
		default:
			as := p.identified()
			h.Allocations = append(h.Allocations, as...)
			h.Stays = p.stays(h.Stays, as)
			if p.pending {
				h.Ambiguous += len(as)
			}
			if !p.seen.IsZero() {
				h.Estimated = with(h.Estimated, as)
			}
		}
	}
	h.Withheld = append(h.Withheld, c.past.unnamed...)
	sortAllocations(h.Allocations)
	sortAllocations(h.Withheld)
	h.Ambiguous += len(h.Withheld)
	return h, nil
}

// with adds the holders of the allocations.
func with(holders map[device.Holder]bool, as []device.Allocation) map[device.Holder]bool {
	if holders == nil {
		holders = map[device.Holder]bool{}
	}
	for _, a := range as {
		holders[a.Holder] = true
	}
	return holders
}

// decided returns the pods listed and those that are missing for now, and decides
// whose they are.
func (c *Client) decided(list *podresources.ListPodResourcesResponse, logs folders) []pod {
	a := answer{
		pods: podsOf(list, kept{c.keep, c.keepDriver}), none: len(list.GetPodResources()) == 0,
		names: c.names, dials: c.connections(), now: c.cfg.Now(),
	}
	if c.names != nil {
		c.names.refresh(logs)
	}
	pods := c.past.complete(a)
	if c.names != nil {
		c.names.assign(pods, a.now)
	} else {
		for i := range pods {
			pods[i].ended = pods[i].over
		}
	}
	c.past.settled(pods)
	return pods
}

// CheckpointErr is why the latest Holders could not read the checkpoint: an error
// that is ErrCheckpoint, or nil if it could or need not.
func (c *Client) CheckpointErr() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		return nil
	}
	return c.names.file.err
}

// keep is true for the resources that are GPUs.
func (c *Client) keep(resource string) bool { return matches(c.cfg.Resources, resource) }

// keepDriver is true for the DRA drivers whose devices are GPUs.
func (c *Client) keepDriver(driver string) bool { return matches(c.cfg.Drivers, driver) }

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name) // the patterns were checked
		return ok
	})
}
