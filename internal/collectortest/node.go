package collectortest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gputally/gputally/collector/kubelet/kubelettest"
	"github.com/gputally/gputally/collector/nvml/nvmltest"
)

// Node has a driver's library and a kubelet. At first nobody holds its GPUs.
type Node struct {
	Kubelet *kubelettest.Server
	// Library is the driver's; change it before Command for another.
	Library  string
	scenario string // the file that the library reads
	frames   int    // played so far
	still    func() // ends what is being played
}

// NewNode is a node whose driver plays the scenario, until the test ends.
func NewNode(t testing.TB, driver nvmltest.Scenario) *Node {
	t.Helper()
	n := &Node{Kubelet: kubelettest.Start(t), Library: nvmltest.Build(t), scenario: filepath.Join(t.TempDir(), "scenario")}
	n.Kubelet.Hold()
	n.Play(t, driver)
	return n
}

// Play makes the driver play another scenario from its next call on.
func (n *Node) Play(t testing.TB, driver nvmltest.Scenario) {
	t.Helper()
	if err := driver.WriteFile(n.scenario); err != nil {
		t.Fatal(err)
	}
}

// Opened lists in what ways a process has the driver's device file open.
func (n *Node) Opened(t testing.TB, p *Process) []string {
	t.Helper()
	ways, err := nvmltest.Opened(p.PID(), nvmltest.DeviceFile(n.scenario))
	if err != nil {
		t.Fatal(err)
	}
	return ways
}

// Animate makes the driver play one scenario after the other, one each 50 ms, until
// the next call or the end of the test. i counts them over all calls.
func (n *Node) Animate(t testing.TB, scene func(i int) nvmltest.Scenario) {
	t.Helper()
	if n.still != nil {
		n.still()
	}
	play := func() {
		n.frames++
		n.Play(t, scene(n.frames))
	}
	play()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				play()
			}
		}
	})
	n.still = sync.OnceFunc(func() { close(stop); wg.Wait() })
	t.Cleanup(n.still)
}

// Command is the collector on this node, which listens on a free port.
func (n *Node) Command(t testing.TB, binary string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, kill := context.WithTimeout(context.Background(), 10*Patience)
	t.Cleanup(kill) // after the cleanups of whoever starts it
	cmd := exec.CommandContext(ctx, binary, append([]string{
		"--web.listen-address=127.0.0.1:0",
		"--kubelet.socket=" + n.Kubelet.Socket(),
		"--kubelet.checkpoint=" + n.Kubelet.Checkpoint(),
	}, args...)...)
	cmd.Env = append(os.Environ(),
		"NODE_NAME=node-1",
		"LD_LIBRARY_PATH="+filepath.Dir(n.Library),
		nvmltest.ScenarioEnv+"="+n.scenario,
		"GORACE=atexit_sleep_ms=0", // else a binary with the race detector lingers for a second
	)
	return cmd
}
